import type { Violation } from "@nixops4-providers/provider-sdk";
import { flag, parseProps, printProps } from "../client/property-string.ts";
import type { Observed } from "../guest/observe.ts";
import { propsSetting, type Setting } from "../guest/setting.ts";
import type { Inputs } from "../resources/vm.ts";
import type { SomeInputs } from "./settings.ts";

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
}

type Disk = Inputs["disks"][string];

const DEFAULTS = { discard: "ignore", ssd: "0", iothread: "0", backup: "1", cache: "none" };

/** What must not be sent of a disk that is there: its size is that of the volume, the others are for making one. */
const NOT_SENT = ["size", "format", "import-from"];

export function volumesOf(inputs: SomeInputs): Volume[] {
  const { disks = {}, efiDisk, tpm } = inputs;
  return [
    ...Object.entries(disks).map(([key, disk]) => diskVolume(key, disk)),
    ...(efiDisk === undefined ? [] : [efiVolume(efiDisk)]),
    ...(tpm === undefined ? [] : [tpmVolume(tpm)]),
  ];
}

function diskVolume(key: string, disk: Disk): Volume {
  const { storage, size, importFrom } = disk;
  const path = `disks.${key}`;
  const sizeMib = size === undefined ? undefined : toMib(size);
  const managed = {
    discard: disk.discard === undefined ? undefined : disk.discard ? "on" : "ignore",
    ssd: flag(disk.ssd),
    iothread: flag(disk.ioThread),
    backup: flag(disk.backup),
    cache: disk.cache,
  };
  const source = importFrom === undefined ? {} : { "import-from": importFrom };
  const file = `${storage}:${importFrom === undefined ? toGib(sizeMib ?? 0) : 0}`;
  return {
    key,
    path,
    storage,
    initial: printProps({ file, ...source, ...managed }, "file"),
    options: propsSetting({
      key,
      path,
      defaultKey: "file",
      managed: dropUndefined(managed),
      defaults: DEFAULTS,
      read: readDisk,
    }),
    sizeMib,
    isImport: importFrom !== undefined,
    fixed: {},
  };
}

function efiVolume({ storage, preEnrolledKeys }: NonNullable<Inputs["efiDisk"]>): Volume {
  const keys = preEnrolledKeys ? "1" : "0";
  return fixedVolume(
    "efidisk0",
    "efiDisk",
    storage,
    { efitype: "4m", "pre-enrolled-keys": keys },
    { efitype: "4m" },
  );
}

function tpmVolume({ storage, version }: NonNullable<Inputs["tpm"]>): Volume {
  return fixedVolume("tpmstate0", "tpm", storage, { version }, { version });
}

function fixedVolume(
  key: string,
  path: string,
  storage: string,
  made: Record<string, string>,
  fixed: Record<string, string>,
): Volume {
  const initial = printProps({ file: `${storage}:1`, ...made }, "file");
  const options = propsSetting({ key, path, defaultKey: "file", managed: {}, read: readDisk });
  return { key, path, storage, initial, options, sizeMib: undefined, isImport: false, fixed };
}

function readDisk(text: string) {
  const props = parseProps(text, "file");
  return Object.fromEntries(Object.entries(props).filter(([name]) => !NOT_SENT.includes(name)));
}

function dropUndefined(props: Record<string, string | undefined>) {
  return Object.fromEntries(Object.entries(props).filter(([, value]) => value !== undefined));
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
    const message = `is on the storage ${on}, and is not moved: \`qm disk move VMID ${key} ${storage}\` does it; then apply again`;
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

/** The disks of the run before that are not wanted any more and still there. */
export function removedDisks(
  inputs: Inputs,
  previous: SomeInputs | undefined,
  { values }: Observed,
): string[] {
  const wanted = new Set(volumesOf(inputs).map(({ key }) => key));
  return volumesOf(previous ?? {})
    .map(({ key }) => key)
    .filter((key) => !wanted.has(key) && values.has(key));
}

function storageOf(text: string): string {
  return text.split(":")[0] ?? "";
}

const UNITS: Record<string, number> = { K: 1 / 1024, M: 1, G: 1024, T: 1024 ** 2 };

function toMib(size: string): number {
  const [, number = "0", unit = ""] = /^(\d+(?:\.\d+)?)([KMGT]?)$/.exec(size) ?? [];
  return Number(number) * (UNITS[unit] ?? 1 / 1024 ** 2);
}

function toGib(mib: number): string {
  return String(mib / 1024);
}
