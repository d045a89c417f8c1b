import type { Violation } from "@nixops4-providers/provider-sdk";
import type { Observed } from "../guest/observe.ts";
import type { Setting } from "../guest/setting.ts";
import type { Inputs } from "../resources/vm.ts";
import { growthOf, removedDisks, type Volume, volumeRefusals, volumesOf } from "./disks.ts";
import { descriptionSetting, settingsOf, type SomeInputs } from "./settings.ts";

/** What has to be done so that a VM is as wanted. */
export interface Changes {
  set: Map<string, string>;
  remove: string[];
  grow: { disk: string; size: string }[];
  /** Whether volumes are made. */
  isLong: boolean;
  /** Whether it is about disks or firmware. */
  isRisky: boolean;
  refusals: Violation[];
  /** All keys that are ours to set. */
  managed: Set<string>;
}

const RISKY = /^(bios|machine|scsihw|cpu|efidisk0|tpmstate0|(scsi|virtio|sata|ide)\d+)$/;

export function changesFor(inputs: Inputs, previous: SomeInputs | undefined, seen: Observed): Changes {
  const settings = [...settingsOf(inputs), descriptionSetting(inputs, isDropped(inputs, previous))];
  const volumes = volumesOf(inputs);
  const set = new Map([
    ...settings.flatMap((one) => textFor(one, seen)),
    ...volumes.flatMap((one) => volumeText(one, seen)),
  ]);
  const detached = removedDisks(inputs, previous, seen);
  const remove = [...droppedKeys(settings, volumes, previous, seen), ...detached];
  const keys = [...set.keys(), ...remove];
  return {
    set,
    remove,
    grow: volumes.flatMap((one) => growth(one, seen)),
    isLong: volumes.some(({ key }) => set.has(key) && !seen.values.has(key)),
    isRisky: keys.some((key) => RISKY.test(key)),
    refusals: [
      ...volumes.flatMap((one) =>
        seen.values.has(one.key) ? volumeRefusals(one, seen.values.get(one.key)!) : newVolumeRefusals(one),
      ),
      ...settings.flatMap((one) => driveRefusals(one, seen)),
      ...(inputs.detachRemovedDisks ? [] : detached.map(notDetached)),
    ],
    managed: new Set([...settings, ...volumes].map(({ key }) => key).concat(remove)),
  };
}

export function isNothing({ set, remove, grow }: Changes): boolean {
  return set.size === 0 && remove.length === 0 && grow.length === 0;
}

function isDropped({ description }: Inputs, previous: SomeInputs | undefined): boolean {
  return description === undefined && (previous?.description ?? undefined) !== undefined;
}

function textFor(setting: Setting, { values }: Observed): [string, string][] {
  const existing = values.get(setting.key);
  if (existing === undefined) return [[setting.key, setting.initial]];
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

/** Keys that the inputs before set and these do not. */
function droppedKeys(
  settings: Setting[],
  volumes: Volume[],
  previous: SomeInputs | undefined,
  { values }: Observed,
): string[] {
  const wanted = new Set([...settings, ...volumes].map(({ key }) => key));
  return settingsOf(previous ?? {})
    .map(({ key }) => key)
    .filter((key) => !wanted.has(key) && values.has(key));
}

/** A drive takes the place of no disk. */
function driveRefusals({ key, path, initial }: Setting, { values }: Observed): Violation[] {
  const existing = values.get(key);
  if (existing === undefined || !initial.includes("media=cdrom") || existing.includes("media=cdrom"))
    return [];
  return [{ path, message: `${key} has the disk ${existing.split(",")[0]}: choose another slot` }];
}

function newVolumeRefusals({ storage, path, sizeMib, isImport }: Volume): Violation[] {
  if (storage === undefined)
    return [{ path: `${path}.storage`, message: "is required: there is no such disk yet" }];
  const isDisk = path.startsWith("disks.");
  return isDisk && sizeMib === undefined && !isImport
    ? [{ path: `${path}.size`, message: "is required: there is no such disk yet" }]
    : [];
}

function notDetached(key: string): Violation {
  const message = `is no longer in the inputs and holds data: put it back, or set detachRemovedDisks = true to keep it as an unused disk`;
  return { path: `disks.${key}`, message };
}
