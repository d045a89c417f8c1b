import { Type, secondsField } from "@nixops4-providers/provider-sdk";
import { connectionField } from "./connection.ts";

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

export const macField = Type.Optional(
  Type.String({
    pattern: "^[0-9A-Fa-f][02468ACEace](:[0-9A-Fa-f]{2}){5}$",
    patternError: "must be the MAC address of one card, such as BC:24:11:00:00:01",
    description: "The MAC address. When not set, Proxmox VE chooses one, which is kept.",
  }),
);

/** What VMs and containers share. */
export const guestFields = {
  connection: connectionField,
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
