import { ensureField, fields, type Static, Type } from "@nixops4-providers/provider-sdk";
import {
  addressFields,
  cardFields,
  guestFields,
  guestOutputs,
  resolverFields,
  sizeField,
  storageField,
  waitForIpField,
} from "../common-fields.ts";

const network = fields(
  {
    name: Type.String({
      pattern: "^[a-z][a-z0-9._-]{0,14}$",
      patternError: "must be the name of an interface, such as eth0",
      default: "eth0",
      description: "The name of the interface inside.",
    }),
    ...cardFields,
    ...addressFields({ manual: true }),
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
  ...resolverFields,
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
  waitForIp: waitForIpField(
    "ContainerWaitForIp",
    "Whether to wait until its first interface has an address.",
    60,
  ),
  ensure: ensureField("the container"),
});

export const outputs = fields(guestOutputs);

export type Inputs = Static<typeof inputs>;
export type Outputs = Static<typeof outputs>;
