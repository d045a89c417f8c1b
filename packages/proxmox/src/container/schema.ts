import {
  ensureField,
  fields,
  nullable,
  type Static,
  Type,
  secondsField,
} from "@nixops4-providers/provider-sdk";
import { guestFields, macField, sizeField, storageField } from "../common-fields.ts";

const addressPattern = {
  ipv4: "^(dhcp|manual|[0-9.]+/[0-9]+)$",
  ipv6: "^(auto|dhcp|manual|[0-9A-Fa-f:]+/[0-9]+)$",
};

const network = fields(
  {
    name: Type.String({
      pattern: "^[a-z][a-z0-9._-]{0,14}$",
      patternError: "must be the name of an interface, such as eth0",
      default: "eth0",
      description: "The name of the interface inside.",
    }),
    bridge: Type.String({
      pattern: "^[A-Za-z][A-Za-z0-9_.-]{0,14}$",
      patternError: "must be the name of a bridge, such as vmbr0",
      description: "The bridge or the virtual network.",
    }),
    mac: macField,
    vlan: Type.Optional(Type.Integer({ minimum: 1, maximum: 4094, description: "The VLAN." })),
    firewall: Type.Boolean({ default: false, description: "Whether the firewall of Proxmox VE filters it." }),
    ipv4: Type.Optional(
      Type.String({
        pattern: addressPattern.ipv4,
        patternError: "must be dhcp, manual or an address with its prefix, such as 192.0.2.10/24",
        description: "`dhcp`, `manual`, or the address with its prefix.",
      }),
    ),
    gateway4: Type.Optional(
      Type.String({
        pattern: "^[0-9.]+$",
        patternError: "must be an IPv4 address",
        description: "The gateway.",
      }),
    ),
    ipv6: Type.Optional(
      Type.String({
        pattern: addressPattern.ipv6,
        patternError: "must be auto, dhcp, manual or an address with its prefix, such as 2001:db8::10/64",
        description: "As `ipv4`, or `auto` for the router's announcements.",
      }),
    ),
    gateway6: Type.Optional(
      Type.String({
        pattern: "^[0-9A-Fa-f:]+$",
        patternError: "must be an IPv6 address",
        description: "The gateway.",
      }),
    ),
  },
  { title: "ContainerNetwork", description: "A network interface." },
);

export const inputs = fields({
  ...guestFields,
  template: Type.Optional(
    Type.String({
      pattern: "^[A-Za-z][A-Za-z0-9._-]*[A-Za-z0-9]:[^ \\n,]+$",
      patternError: "must be the ID of a volume, such as local:vztmpl/debian.tar.zst",
      description:
        "What a new container is made from: a volume, as the output `volumeId` of an `image`. Later it means nothing.",
    }),
  ),
  rootDisk: Type.Optional(
    fields(
      {
        storage: storageField("The storage that it is on. It is not moved."),
        size: sizeField("The size, such as `8G`. It grows, and never shrinks."),
      },
      { title: "RootDisk", description: "The root file system. Required for a new container." },
    ),
  ),
  mountPoints: Type.Record(
    Type.String(),
    fields(
      {
        storage: storageField("The storage that it is on. It is not moved."),
        size: sizeField("The size, such as `8G`. It grows, and never shrinks."),
        path: Type.String({
          pattern: "^/[^,]*$",
          patternError: "must be a path, such as /srv",
          description: "Where it is mounted.",
        }),
        backup: Type.Boolean({ default: false, description: "Whether backups contain it." }),
      },
      { title: "MountPoint", description: "A volume." },
    ),
    { default: {}, description: "More volumes, by where they are: `mp0` to `mp30`." },
  ),
  detachRemovedDisks: Type.Boolean({
    default: false,
    description:
      "Whether a volume that is no longer in `mountPoints` is detached. Its data stays, as an unused volume. Without, that is an error.",
  }),
  cores: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 8192, description: "How many cores it sees. When not set, all." }),
  ),
  cpuLimit: Type.Optional(
    Type.Number({
      minimum: 0,
      maximum: 8192,
      description: "How many cores it may use in all, such as 1.5; 0 is no limit.",
    }),
  ),
  memory: Type.Optional(Type.Integer({ minimum: 16, description: "The memory in MiB. A new one has 512." })),
  swap: Type.Optional(Type.Integer({ minimum: 0, description: "The swap in MiB. A new one has 512." })),
  networks: Type.Optional(
    Type.Array(network, { maxItems: 32, description: "The network interfaces, `net0` first." }),
  ),
  nameServers: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), { description: "The addresses of name servers." }),
  ),
  searchDomain: Type.Optional(Type.String({ minLength: 1, description: "The domain for short names." })),
  sshKeys: Type.Array(Type.String({ minLength: 1 }), {
    default: [],
    description:
      "Public keys that may log in as root. They are written when it is made, and mean nothing later.",
  }),
  unprivileged: Type.Boolean({
    default: true,
    description: "Whether root in it is an ordinary user outside. It is fixed when it is made.",
  }),
  nesting: Type.Optional(
    Type.Boolean({
      description: "Whether it may run containers; NixOS and other systems with a new systemd need it.",
    }),
  ),
  osType: Type.Optional(
    Type.Enum(
      ["debian", "ubuntu", "nixos", "alpine", "archlinux", "centos", "fedora", "opensuse", "unmanaged"],
      {
        description:
          "The system in it, for what Proxmox VE sets up. When not set, what the template looks like.",
      },
    ),
  ),
  waitForIp: Type.Optional(
    fields(
      {
        family: Type.Enum(["ipv4", "ipv6", "any"], {
          default: "any",
          description: "What the address has to be.",
        }),
        timeoutSeconds: secondsField("How many seconds to wait.", { default: 60 }),
      },
      {
        title: "ContainerWaitForIp",
        description: "Whether to wait until its first interface has an address.",
      },
    ),
  ),
  ensure: ensureField("the container"),
});

export const outputs = fields({
  vmid: nullable(Type.Integer(), { description: "The ID; `null` when `absent`." }),
  node: nullable(Type.String(), {
    description: "The node that it was on at the end of the run; `null` when `absent`.",
  }),
  macAddresses: Type.Array(Type.String(), { description: "The MAC addresses, in lower case, `net0` first." }),
  ipAddresses: Type.Array(Type.String(), {
    description:
      "The addresses of the first interface that are not link-local: those that were waited for, or the static ones.",
  }),
});

export type Inputs = Static<typeof inputs>;
export type Outputs = Static<typeof outputs>;
