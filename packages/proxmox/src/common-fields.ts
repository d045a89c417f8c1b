import { fields, nullable, secondsField, Type } from "@nixops4-providers/provider-sdk";
import { apiAccessField } from "./api-access.ts";

const NAME_PATTERN =
  "^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?([.][A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$";
export const STORAGE_PATTERN = "^[A-Za-z][A-Za-z0-9._-]*[A-Za-z0-9]$";
const SIZE_PATTERN = "^[1-9][0-9]*[MGT]$";
const NODE_PATTERN = "^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$";
const POOL_PATTERN = "^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+){0,2}$";

export function storageField(description: string) {
  return Type.String({
    pattern: STORAGE_PATTERN,
    patternError: "must be the ID of a storage, such as local-lvm",
    description,
  });
}

export function sizeField(description: string) {
  return Type.String({
    pattern: SIZE_PATTERN,
    patternError: "must be a number of MiB, GiB or TiB, such as 32G",
    description,
  });
}

export function nodeField(description: string) {
  return Type.String({
    pattern: NODE_PATTERN,
    patternError: "must be the name of a node, such as pve1",
    description,
  });
}

const macField = Type.Optional(
  Type.String({
    pattern: "^[0-9A-Fa-f][02468ACEace](:[0-9A-Fa-f]{2}){5}$",
    patternError: "must be the MAC address of one card, such as BC:24:11:00:00:01",
    description: "The MAC address. When not set, Proxmox VE generates one, which then stays the same.",
  }),
);

/** The inputs that VMs and containers share. */
export const guestFields = {
  connection: apiAccessField,
  node: nodeField("The node to create it on. It may migrate later, and is then found on its new node."),
  vmid: Type.Optional(
    Type.Integer({
      minimum: 100,
      maximum: 999_999_999,
      description: "The ID. When not set, the next free ID is used at creation, and then stays the same.",
    }),
  ),
  name: Type.String({
    pattern: NAME_PATTERN,
    patternError: "must be a DNS name: letters, digits, hyphens and dots",
    description:
      "The name. An interrupted creation is found again by it and by `owner`, so use each name only once.",
  }),
  owner: Type.String({
    pattern: "^[A-Za-z0-9._:/@-]{1,100}$",
    patternError: "must be 1 to 100 letters, digits and characters of ._:/@-",
    default: "nixops4",
    description:
      "The owner, which is written into the notes. Two deployments that use the same names need different owners.",
  }),
  adopt: Type.Boolean({
    default: false,
    description:
      'Whether to take over an existing guest of another owner or of none, and to delete it with `ensure = "absent"`. Only the inputs ' +
      "that are set are changed in it.",
  }),
  ifMissing: Type.Enum(["refuse", "create"], {
    default: "refuse",
    description:
      "What to do when it was created before and no longer exists: `refuse` fails, `create` creates a new one with empty disks.",
  }),
  description: Type.Optional(
    Type.String({ maxLength: 8000, description: "The notes, in Markdown. 8000 characters at most." }),
  ),
  tags: Type.Optional(
    Type.Array(
      Type.String({
        pattern: "^[A-Za-z0-9_][A-Za-z0-9_+.-]*$",
        patternError: "must be letters, digits and characters of _+.-",
      }),
      { description: "The tags. Proxmox VE stores them in lower case and sorted." },
    ),
  ),
  pool: Type.Optional(
    Type.String({
      pattern: POOL_PATTERN,
      patternError: "must be the ID of a pool, such as web or customers/web",
      description: "The pool that it is a member of.",
    }),
  ),
  started: Type.Optional(
    Type.Boolean({
      description:
        "Whether it runs. When not set, it is started after its creation and left alone from then on: if somebody stops it, it " +
        "stays stopped.",
    }),
  ),
  onBoot: Type.Optional(Type.Boolean({ description: "Whether it is started when the node starts." })),
  startup: Type.Optional(
    Type.String({
      pattern: "^(order=|up=|down=)?[0-9]+(,(order|up|down)=[0-9]+)*$",
      patternError: "must be a startup order, such as order=1,up=30,down=60",
      description:
        "The order in which it starts and stops with the node, and the delays in seconds, such as `order=1,up=30,down=60`.",
    }),
  ),
  protection: Type.Optional(
    Type.Boolean({ description: "Whether it and its disks are protected against deletion." }),
  ),
  keepers: Type.Record(Type.String(), Type.Unknown(), {
    default: {},
    description:
      "Any values, such as a date. When one of them changes, the guest is compared with all inputs again, even if no other input has changed.",
  }),
  rebootForChanges: Type.Boolean({
    default: false,
    description:
      "Whether to power cycle it when a change needs that. Without it, such a change is written and stays pending, and the run " +
      "fails: power cycle it yourself and apply again.",
  }),
  snapshotBefore: Type.Boolean({
    default: false,
    description:
      "Whether to take a snapshot (`nixops4-…`) before a change of disks or firmware, or before a power cycle.",
  }),
  shutdownTimeoutSeconds: secondsField("How many seconds to wait for it to shut down before it is stopped.", {
    default: 120,
    orZero: true,
  }),
  taskTimeoutSeconds: secondsField("How many seconds to wait for each task of Proxmox VE.", {
    default: 1800,
  }),
};

/** The outputs that VMs and containers share. */
export const guestOutputs = {
  vmid: nullable(Type.Integer(), { description: "The ID; `null` when `absent`." }),
  node: nullable(Type.String(), {
    description: "The node that it is on at the end of the run; `null` when `absent`.",
  }),
  macAddresses: Type.Array(Type.String(), { description: "The MAC addresses, in lower case, `net0` first." }),
  ipAddresses: Type.Array(Type.String(), {
    description:
      "The IP addresses of the first network card without link-local ones: those that `waitForIp` waited for, or the static ones.",
  }),
};

/** The fields that network cards of VMs and containers share. */
export const cardFields = {
  bridge: Type.String({
    pattern: "^[A-Za-z][A-Za-z0-9_.-]{0,14}$",
    patternError: "must be the name of a bridge, such as vmbr0",
    description: "The bridge or virtual network to connect it to.",
  }),
  mac: macField,
  vlan: Type.Optional(Type.Integer({ minimum: 1, maximum: 4094, description: "The VLAN ID." })),
  firewall: Type.Boolean({
    default: false,
    description: "Whether the firewall of Proxmox VE filters its traffic.",
  }),
};

/** The fields for the addresses of a card. With `manual`, the guest may also configure its own. */
export function addressFields({ manual }: { manual: boolean }) {
  const [or, also] = manual ? ["dhcp, manual", "`dhcp`, `manual`"] : ["dhcp", "`dhcp`"];
  const words = manual ? "dhcp|manual" : "dhcp";
  return {
    ipv4: Type.Optional(
      Type.String({
        pattern: `^(${words}|[0-9.]+/[0-9]+)$`,
        patternError: `must be ${or} or an address with its prefix length, such as 192.0.2.10/24`,
        description: `The IPv4 address of the card: ${also}, or an address with its prefix length, such as \`192.0.2.10/24\`.`,
      }),
    ),
    gateway4: Type.Optional(
      Type.String({
        pattern: "^[0-9.]+$",
        patternError: "must be an IPv4 address",
        description: "The IPv4 gateway.",
      }),
    ),
    ipv6: Type.Optional(
      Type.String({
        pattern: `^(auto|${words}|[0-9A-Fa-f:]+/[0-9]+)$`,
        patternError: `must be auto, ${or} or an address with its prefix length, such as 2001:db8::10/64`,
        description: `The IPv6 address of the card: ${also}, \`auto\` (SLAAC), or an address with its prefix length.`,
      }),
    ),
    gateway6: Type.Optional(
      Type.String({
        pattern: "^[0-9A-Fa-f:]+$",
        patternError: "must be an IPv6 address",
        description: "The IPv6 gateway.",
      }),
    ),
  };
}

export const resolverFields = {
  nameServers: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), { description: "The IP addresses of the name servers." }),
  ),
  searchDomain: Type.Optional(Type.String({ minLength: 1, description: "The DNS search domain." })),
};

/** The input that waits for an address of the first card. */
export function waitForIpField(title: string, description: string, timeoutSeconds: number) {
  return Type.Optional(
    fields(
      {
        family: Type.Enum(["ipv4", "ipv6", "any"], {
          default: "any",
          description: "The address family to wait for.",
        }),
        timeoutSeconds: secondsField("How many seconds to wait.", { default: timeoutSeconds }),
      },
      { title, description },
    ),
  );
}
