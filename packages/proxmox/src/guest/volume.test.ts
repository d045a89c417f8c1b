import { describe, expect, it } from "@jest/globals";
import { propsSetting } from "./setting.ts";
import { growthOf, readVolume, toGib, toMib, type Volume, volumeRefusals } from "./volume.ts";

const volume = (more: Partial<Volume> = {}): Volume => ({
  key: "scsi0",
  path: "disks.scsi0",
  storage: "lvm",
  initial: "lvm:8",
  options: propsSetting({ key: "scsi0", path: "disks.scsi0", defaultKey: "file", managed: {} }),
  sizeMib: 8192,
  isImport: false,
  fixed: {},
  uses: {},
  ...more,
});
const refusals = (more: Partial<Volume>, existing: string) =>
  volumeRefusals(volume(more), existing).map(({ path, message }) => `${path}: ${message}`);

it.each([
  ["8G", 8192],
  ["512M", 512],
  ["1T", 1024 ** 2],
  ["1024K", 1],
  ["1048576", 1],
  ["1.5G", 1536],
  ["?", 0],
])("%s is %d MiB", (text, mib) => {
  expect(toMib(text)).toBe(mib);
});

it("writes GiB", () => {
  expect(toGib(1536)).toBe("1.5");
});

it("never sends properties that are for the creation of a volume", () => {
  expect(readVolume("lvm:vm-1-disk-0,size=8G,format=raw,import-from=a:b,ssd=1", "file")).toEqual({
    file: "lvm:vm-1-disk-0",
    ssd: "1",
  });
});

describe("growth", () => {
  it.each([
    [8192, "lvm:a,size=4G", "8192M"],
    [8192, "lvm:a,size=8G", undefined],
    [8192, "lvm:a,size=9G", undefined],
    [8192, "lvm:a", undefined],
    [undefined, "lvm:a,size=4G", undefined],
  ])("to %s MiB of %s", (sizeMib, existing, size) => {
    expect(growthOf(volume({ sizeMib }), existing)).toBe(size);
  });
});

describe("what is refused", () => {
  it.each([
    ["nothing", {}, "lvm:a,size=8G", []],
    ["nothing of a larger size", {}, "lvm:a,size=7G", []],
    ["nothing without a size", { sizeMib: undefined }, "lvm:a,size=8G", []],
    ["nothing of an unknown size", {}, "lvm:a", []],
    ["a drive", {}, "none,media=cdrom", ["disks.scsi0: scsi0 is a CD-ROM drive: choose another slot"]],
    [
      "another storage",
      {},
      "zfs:a,size=8G",
      [
        "disks.scsi0.storage: is on the storage zfs and is not moved: run `qm disk move VMID scsi0 lvm`, then apply again",
      ],
    ],
    ["no storage", { storage: undefined }, "zfs:a,size=8G", []],
    [
      "a smaller size",
      {},
      "lvm:a,size=9G",
      [
        "disks.scsi0.size: is 9G, and a disk never shrinks: set at least this size, or add a smaller disk and copy the data",
      ],
    ],
    ["a fixed property that is so", { fixed: { version: "v2.0" } }, "lvm:a,version=v2.0", []],
    [
      "a fixed property that is not",
      { fixed: { version: "v2.0" } },
      "lvm:a",
      [
        "disks.scsi0: version is not set and cannot be changed: detach scsi0 by hand and apply again to create a new one",
      ],
    ],
    ["the type of EFI that is the default", { fixed: { efitype: "4m" } }, "lvm:a", []],
    [
      "another type of EFI",
      { fixed: { efitype: "4m" } },
      "lvm:a,efitype=2m",
      [
        "disks.scsi0: efitype is 2m and cannot be changed: detach scsi0 by hand and apply again to create a new one",
      ],
    ],
  ])("%s", (_, more, existing, wanted) => {
    expect(refusals(more, existing)).toEqual(wanted);
  });

  it.each([
    ["rootfs", "pct move-volume"],
    ["mp0", "pct move-volume"],
    ["scsi0", "qm disk move"],
  ])("the move of %s by %s", (key, command) => {
    expect(refusals({ key }, "zfs:a")[0]).toContain(`\`${command} VMID ${key} lvm\``);
  });
});
