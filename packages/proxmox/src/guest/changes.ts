import type { Violation } from "@nixops4-providers/provider-sdk";
import type { Observed } from "./observe.ts";
import type { Setting } from "./setting.ts";
import { growthOf, type Volume, volumeRefusals } from "./volume.ts";

/** What the inputs ask for. */
export interface Wanted {
  settings: Setting[];
  volumes: Volume[];
  /** The keys and volumes of the previous inputs. */
  previousKeys: string[];
  previousVolumes: Volume[];
  mayDetach: boolean;
}

/** The changes that make a guest as wanted. */
export interface Changes {
  set: Map<string, string>;
  remove: string[];
  grow: { disk: string; size: string }[];
  /** Whether volumes are created. */
  isLong: boolean;
  /** Whether disks, firmware or virtual hardware change. */
  isRisky: boolean;
  refusals: Violation[];
  /** All keys that the inputs manage. */
  managed: Set<string>;
}

const RISKY = /^(bios|machine|scsihw|cpu|efidisk0|tpmstate0|(scsi|virtio|sata|ide|mp)\d+|rootfs|features)$/;

/** Compares a guest with what is wanted. */
export function changesFor(wanted: Wanted, seen: Observed): Changes {
  const { settings, volumes, mayDetach } = wanted;
  const set = new Map([
    ...settings.flatMap((one) => textFor(one, seen)),
    ...volumes.flatMap((one) => volumeText(one, seen)),
  ]);
  const previousVolumes = wanted.previousVolumes.map(({ key }) => key);
  const detached = dropped(wanted, previousVolumes, seen);
  const remove = [...dropped(wanted, wanted.previousKeys, seen), ...detached];
  if (remove.some((key) => isCloudInitDrive(seen.values.get(key)))) postponeCloudInitDrive(set);
  return {
    set,
    remove,
    grow: volumes.flatMap((one) => growth(one, seen)),
    isLong: volumes.some(({ key }) => set.has(key) && !seen.values.has(key)),
    isRisky: [...set.keys(), ...remove].some((key) => RISKY.test(key)),
    refusals: [
      ...volumes.flatMap((one) => refusalsOf(one, seen)),
      ...settings.flatMap((one) => driveRefusals(one, seen)),
      ...(mayDetach
        ? []
        : wanted.previousVolumes.filter(({ key }) => detached.includes(key)).map(notDetached)),
    ],
    managed: new Set([...settings, ...volumes].map(({ key }) => key).concat(remove)),
  };
}

/** A VM has one cloud-init drive: that in the new slot is created after the old one is gone. */
function postponeCloudInitDrive(set: Map<string, string>): void {
  for (const [key, text] of set) if (/:cloudinit(,|$)/.test(text)) set.delete(key);
}

function isCloudInitDrive(text = ""): boolean {
  return text.includes("media=cdrom") && text.includes("cloudinit");
}

function refusalsOf(volume: Volume, { values }: Observed): Violation[] {
  const existing = values.get(volume.key);
  return existing === undefined ? newVolumeRefusals(volume) : volumeRefusals(volume, existing);
}

export function isNothing({ set, remove, grow }: Changes): boolean {
  return set.size === 0 && remove.length === 0 && grow.length === 0;
}

function textFor(setting: Setting, { values }: Observed): [string, string][] {
  const existing = values.get(setting.key);
  if (existing === undefined)
    return setting.absent !== undefined && setting.isSame(setting.absent)
      ? []
      : [[setting.key, setting.initial]];
  return setting.isSame(existing) ? [] : [[setting.key, setting.merge(existing)]];
}

function volumeText({ key, initial, options }: Volume, { values }: Observed): [string, string][] {
  const existing = values.get(key);
  if (existing === undefined) return [[key, initial]];
  return options.isSame(existing) ? [] : [[key, options.merge(existing)]];
}

function growth(volume: Volume, { values }: Observed) {
  const existing = values.get(volume.key);
  const size = existing === undefined ? undefined : growthOf(volume, existing);
  return size === undefined ? [] : [{ disk: volume.key, size }];
}

/** Returns the keys that only the previous inputs set, and that the guest still has. */
function dropped({ settings, volumes }: Wanted, previous: string[], { values }: Observed): string[] {
  const wanted = new Set([...settings, ...volumes].map(({ key }) => key));
  return previous.filter((key) => !wanted.has(key) && values.has(key));
}

/** A CD-ROM drive must not replace a disk. */
function driveRefusals({ key, path, initial }: Setting, { values }: Observed): Violation[] {
  const existing = values.get(key);
  if (existing === undefined || !initial.includes("media=cdrom") || existing.includes("media=cdrom"))
    return [];
  return [{ path, message: `${key} has the disk ${existing.split(",")[0]}: choose another slot` }];
}

function newVolumeRefusals({ storage, path, sizeMib, isImport }: Volume): Violation[] {
  if (storage === undefined) return [{ path: `${path}.storage`, message: "is required for a new disk" }];
  const isDisk = path.startsWith("disks.");
  return isDisk && sizeMib === undefined && !isImport
    ? [{ path: `${path}.size`, message: "is required for a new disk" }]
    : [];
}

function notDetached({ path }: Volume): Violation {
  const message = `is no longer in the inputs and holds data: put it back, or set detachRemovedDisks = true to keep it as an unused disk`;
  return { path, message };
}
