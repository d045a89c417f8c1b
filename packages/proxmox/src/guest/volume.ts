import type { Violation } from "@nixops4-providers/provider-sdk";
import { parseProps } from "../client/property-string.ts";
import type { Setting } from "./setting.ts";
import type { Uses } from "./uses.ts";

/** A disk, or what is kept like one: the EFI variables and the state of the TPM. */
export interface Volume {
  key: string;
  path: string;
  storage: string | undefined;
  /** How it is made. */
  initial: string;
  /** Options that can be changed later. */
  options: Setting;
  sizeMib: number | undefined;
  /** Whether it is made from an image, so that its size is not known before. */
  isImport: boolean;
  /** What is fixed when it is made, besides the storage: property → value. */
  fixed: Readonly<Record<string, string>>;
  /** What must exist on the node when the volume is created. */
  uses: Uses;
}

/** What must not be sent of a volume that is there: its size is what it is, the others are for making one. */
const NOT_SENT = ["size", "format", "import-from"];

/** What is kept of a volume's text when it is written again. */
export function readVolume(text: string, firstKey: string) {
  const props = parseProps(text, firstKey);
  return Object.fromEntries(Object.entries(props).filter(([name]) => !NOT_SENT.includes(name)));
}

/** What cannot be changed in place, and the way out. */
export function volumeRefusals(
  { path, key, storage, sizeMib, fixed }: Volume,
  existing: string,
): Violation[] {
  const props = parseProps(existing, "file");
  const violations: Violation[] = [];
  if (props["media"] === "cdrom") {
    violations.push({ path, message: `${key} is a CD-ROM drive: choose another place` });
    return violations;
  }
  const on = storageOf(existing);
  if (storage !== undefined && on !== storage) {
    const command = key === "rootfs" || key.startsWith("mp") ? "pct move-volume" : "qm disk move";
    const message = `is on the storage ${on}, and is not moved: \`${command} VMID ${key} ${storage}\` does it; then apply again`;
    violations.push({ path: `${path}.storage`, message });
  }
  const has = props["size"] === undefined ? undefined : toMib(props["size"]);
  if (sizeMib !== undefined && has !== undefined && sizeMib < has) {
    const message = `has ${props["size"]}, and a disk never shrinks: set at least that, or add a smaller disk and copy`;
    violations.push({ path: `${path}.size`, message });
  }
  for (const [name, value] of Object.entries(fixed)) {
    if (props[name] === value || (props[name] === undefined && name === "efitype")) continue;
    const message = `${name} is ${props[name] ?? "not set"} and cannot be changed: detach ${key} by hand, and apply again to have a new one`;
    violations.push({ path, message });
  }
  return violations;
}

/** By how much a disk is smaller than wanted: the size to ask for, or `undefined`. */
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
