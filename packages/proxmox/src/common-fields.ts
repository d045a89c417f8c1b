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
    description: "The MAC address. When not set, Proxmox VE chooses one, which is kept.",
  }),
);

/** What VMs and containers share. */
export const guestFields = {
  connection: apiAccessField,
  node: nodeField("The node that it is made on. It may migrate later: it is found wherever it is."),
  vmid: Type.Optional(
    Type.Integer({
      minimum: 100,
      maximum: 999_999_999,
      description: "The ID. When not set, a free one is taken when it is made, and kept.",
    }),
  ),
  name: Type.String({
    pattern: NAME_PATTERN,
    patternError: "must be a DNS name: letters, digits, hyphens and dots",
    description:
      "The name. By it and by `owner`, one that an interrupted run left is found again: use it once.",
  }),
  owner: Type.String({
    pattern: "^[A-Za-z0-9._:/@-]{1,100}$",
    patternError: "must be 1 to 100 letters, digits and characters of ._:/@-",
    default: "nixops4",
    description:
      "Who owns it, written into its notes. Two deployments that use the same names need two owners.",
  }),
  adopt: Type.Boolean({
    default: false,
    description:
      'Whether to take over one that is there and not ours, and to delete one that is not ours with `ensure = "absent"`. Of ' +
      "what is taken over, only what is set here is changed.",
  }),
  ifMissing: Type.Enum(["refuse", "create"], {
    default: "refuse",
    description:
      "What to do when it was made and is gone now: `refuse` fails, `create` makes it again, with empty disks.",
  }),
  description: Type.Optional(Type.String({ maxLength: 8000, description: "The notes, in Markdown." })),
  tags: Type.Optional(
    Type.Array(
      Type.String({
        pattern: "^[A-Za-z0-9_][A-Za-z0-9_+.-]*$",
        patternError: "must be letters, digits and characters of _+.-",
      }),
      { description: "The tags. Proxmox VE keeps them in lower case and sorted." },
    ),
  ),
  pool: Type.Optional(
    Type.String({
      pattern: POOL_PATTERN,
      patternError: "must be the ID of a pool, such as web or customers/web",
      description: "The pool that it is in.",
    }),
  ),
  started: Type.Optional(
    Type.Boolean({
      description:
        "Whether it runs. When not set, it is started when it is made, and left as it is from then on: one that somebody stopped " +
        "stays stopped.",
    }),
  ),
  onBoot: Type.Optional(Type.Boolean({ description: "Whether it is started when the node starts." })),
  startup: Type.Optional(
    Type.String({
      pattern: "^(order=|up=|down=)?[0-9]+(,(order|up|down)=[0-9]+)*$",
      patternError: "must be as order=1,up=30,down=60",
      description: "When it is started and stopped with the node, such as `order=1,up=30,down=60`.",
    }),
  ),
  protection: Type.Optional(
    Type.Boolean({ description: "Whether it and its disks are protected from being deleted." }),
  ),
  keepers: Type.Record(Type.String(), Type.Unknown(), {
    default: {},
    description:
      "Any values, such as a date. When one changes, the guest is compared with all inputs again, also where no other input changed.",
  }),
  rebootForChanges: Type.Boolean({
    default: false,
    description:
      "Whether to power cycle it when a change needs that. Without, such a change is written, stays pending and fails: it is " +
      "done when you have power cycled it and apply again.",
  }),
  snapshotBefore: Type.Boolean({
    default: false,
    description:
      "Whether to take a snapshot (`nixops4-…`) before a change of disks or firmware, or one that needs a power cycle.",
  }),
  shutdownTimeoutSeconds: secondsField("How many seconds it has for shutting down before it is stopped.", {
    default: 120,
    orZero: true,
  }),
  taskTimeoutSeconds: secondsField("How many seconds to wait for one task.", { default: 1800 }),
};

/** The outputs that VMs and containers share. */
export const guestOutputs = {
  vmid: nullable(Type.Integer(), { description: "The ID; `null` when `absent`." }),
  node: nullable(Type.String(), {
    description: "The node that it was on at the end of the run; `null` when `absent`.",
  }),
  macAddresses: Type.Array(Type.String(), { description: "The MAC addresses, in lower case, `net0` first." }),
  ipAddresses: Type.Array(Type.String(), {
    description:
      "The addresses of the first card that are not link-local: those that were waited for, or the static ones.",
  }),
};

/** What network cards of VMs and containers share. */
export const cardFields = {
  bridge: Type.String({
    pattern: "^[A-Za-z][A-Za-z0-9_.-]{0,14}$",
    patternError: "must be the name of a bridge, such as vmbr0",
    description: "The bridge or the virtual network.",
  }),
  mac: macField,
  vlan: Type.Optional(Type.Integer({ minimum: 1, maximum: 4094, description: "The VLAN." })),
  firewall: Type.Boolean({ default: false, description: "Whether the firewall of Proxmox VE filters it." }),
};

/** The addresses of a card. With `manual`, the guest may also be left to set its own. */
export function addressFields({ manual }: { manual: boolean }) {
  const [or, also] = manual ? ["dhcp, manual", "`dhcp`, `manual`"] : ["dhcp", "`dhcp`"];
  const words = manual ? "dhcp|manual" : "dhcp";
  return {
    ipv4: Type.Optional(
      Type.String({
        pattern: `^(${words}|[0-9.]+/[0-9]+)$`,
        patternError: `must be ${or} or an address with its prefix, such as 192.0.2.10/24`,
        description: `The IPv4 address of the card: ${also}, or one with its prefix, such as \`192.0.2.10/24\`.`,
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
        patternError: `must be auto, ${or} or an address with its prefix, such as 2001:db8::10/64`,
        description: "The IPv6 address, as `ipv4`, or `auto` for the router's announcements.",
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
    Type.Array(Type.String({ minLength: 1 }), { description: "The addresses of name servers." }),
  ),
  searchDomain: Type.Optional(Type.String({ minLength: 1, description: "The domain for short names." })),
};

/** A wait for an address of the first card. */
export function waitForIpField(title: string, description: string, timeoutSeconds: number) {
  return Type.Optional(
    fields(
      {
        family: Type.Enum(["ipv4", "ipv6", "any"], {
          default: "any",
          description: "What the address has to be.",
        }),
        timeoutSeconds: secondsField("How many seconds to wait.", { default: timeoutSeconds }),
      },
      { title, description },
    ),
  );
}
