import type { Violation } from "@nixops4-providers/provider-sdk";
import { parseProps } from "../client/property-string.ts";
import type { Setting } from "./setting.ts";
import type { Uses } from "./uses.ts";

/** A disk, or a volume for EFI variables or for the state of a TPM. */
export interface Volume {
  key: string;
  path: string;
  storage: string | undefined;
  /** The value that creates it. */
  initial: string;
  /** The options that can be changed later. */
  options: Setting;
  sizeMib: number | undefined;
  /** Whether it is created from an image, so that its size is not known before. */
  isImport: boolean;
  /** The properties that cannot be changed later, besides the storage. */
  fixed: Readonly<Record<string, string>>;
  /** What must exist on the node when the volume is created. */
  uses: Uses;
}

/** Properties that must not be sent for an existing volume: they are for its creation, or read-only. */
const NOT_SENT = ["size", "format", "import-from"];

/** Parses a volume's value without the properties that must not be sent again. */
export function readVolume(text: string, firstKey: string) {
  const props = parseProps(text, firstKey);
  return Object.fromEntries(Object.entries(props).filter(([name]) => !NOT_SENT.includes(name)));
}

/** Reports what cannot be changed in place, and what to do instead. */
export function volumeRefusals(
  { path, key, storage, sizeMib, fixed }: Volume,
  existing: string,
): Violation[] {
  const props = parseProps(existing, "file");
  const violations: Violation[] = [];
  if (props["media"] === "cdrom") {
    violations.push({ path, message: `${key} is a CD-ROM drive: choose another slot` });
    return violations;
  }
  const on = storageOf(existing);
  if (storage !== undefined && on !== storage) {
    const command = key === "rootfs" || key.startsWith("mp") ? "pct move-volume" : "qm disk move";
    const message = `is on the storage ${on} and is not moved: run \`${command} VMID ${key} ${storage}\`, then apply again`;
    violations.push({ path: `${path}.storage`, message });
  }
  const has = props["size"] === undefined ? undefined : toMib(props["size"]);
  if (sizeMib !== undefined && has !== undefined && sizeMib < has) {
    const message = `is ${props["size"]}, and a disk never shrinks: set at least this size, or add a smaller disk and copy the data`;
    violations.push({ path: `${path}.size`, message });
  }
  for (const [name, value] of Object.entries(fixed)) {
    if (props[name] === value || (props[name] === undefined && name === "efitype")) continue;
    const message = `${name} is ${props[name] ?? "not set"} and cannot be changed: detach ${key} by hand and apply again to create a new one`;
    violations.push({ path, message });
  }
  return violations;
}

/** Returns the size to grow a disk to; `undefined` if it is large enough. */
export function growthOf({ sizeMib }: Volume, existing: string): string | undefined {
  const size = parseProps(existing, "file")["size"];
  if (sizeMib === undefined || size === undefined || toMib(size) >= sizeMib) return undefined;
  return `${sizeMib}M`;
}

function storageOf(text: string): string {
  return text.split(":")[0] ?? "";
}

const UNITS: Record<string, number> = { K: 1 / 1024, M: 1, G: 1024, T: 1024 ** 2 };

export function toMib(size: string): number {
  const [, number = "0", unit = ""] = /^(\d+(?:\.\d+)?)([KMGT]?)$/.exec(size) ?? [];
  return Number(number) * (UNITS[unit] ?? 1 / 1024 ** 2);
}

export function toGib(mib: number): string {
  return String(mib / 1024);
}
