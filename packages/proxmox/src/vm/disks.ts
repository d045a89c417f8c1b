import { flag, printProps } from "../client/property-string.ts";
import { propsSetting } from "../guest/setting.ts";
import { type Uses, usesOfFile } from "../guest/uses.ts";
import { readVolume, toGib, toMib, type Volume } from "../guest/volume.ts";
import type { Inputs } from "./schema.ts";
import type { SomeInputs } from "./settings.ts";

type Disk = Inputs["disks"][string];

const readDisk = (text: string) => readVolume(text, "file");

const DEFAULTS = { discard: "ignore", ssd: "0", iothread: "0", backup: "1", cache: "none" };

/** Returns the disks and the volumes of the firmware that the inputs ask for. */
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
    uses: usesOf(path, storage, importFrom),
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
  initialProps: Record<string, string>,
  fixed: Record<string, string>,
): Volume {
  const initial = printProps({ file: `${storage}:1`, ...initialProps }, "file");
  const options = propsSetting({ key, path, defaultKey: "file", managed: {}, read: readDisk });
  const uses = usesOf(path, storage, undefined);
  return { key, path, storage, initial, options, sizeMib: undefined, isImport: false, fixed, uses };
}

function usesOf(path: string, storage: string | undefined, importFrom: string | undefined): Uses {
  const source: Uses = importFrom === undefined ? {} : usesOfFile(importFrom, "import", `${path}.importFrom`);
  const target = storage === undefined ? [] : [{ storage, content: "images", path: `${path}.storage` }];
  return { ...source, storages: [...target, ...(source.storages ?? [])] };
}

function dropUndefined(props: Record<string, string | undefined>) {
  return Object.fromEntries(Object.entries(props).filter(([, value]) => value !== undefined));
}
