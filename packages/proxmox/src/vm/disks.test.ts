import { describe, expect, it } from "@jest/globals";
import { volumesOf } from "./disks.ts";

const disk = (options: object) => volumesOf({ disks: { scsi0: options } })[0]!;

it("has no volumes without disks", () => {
  expect(volumesOf({})).toEqual([]);
});

describe("a disk", () => {
  it.each([
    [{ storage: "lvm", size: "8G" }, "lvm:8", 8192],
    [{ storage: "lvm", size: "512M" }, "lvm:0.5", 512],
    [{ storage: "lvm", importFrom: "a:import/b" }, "lvm:0,import-from=a:import/b", undefined],
    [{ storage: "lvm", importFrom: "a:import/b", size: "8G" }, "lvm:0,import-from=a:import/b", 8192],
    [{ storage: "lvm" }, "lvm:0", undefined],
    [
      { storage: "lvm", size: "1G", discard: true, ssd: true, ioThread: true, backup: true, cache: "none" },
      "lvm:1,discard=on,ssd=1,iothread=1,backup=1,cache=none",
      1024,
    ],
    [
      { storage: "lvm", size: "1G", discard: false, ssd: false, ioThread: false, backup: false },
      "lvm:1,discard=ignore,ssd=0,iothread=0,backup=0",
      1024,
    ],
  ])("of %j is created as %s, with %s MiB", (options, initial, sizeMib) => {
    expect(disk(options)).toMatchObject({
      key: "scsi0",
      path: "disks.scsi0",
      storage: "lvm",
      initial,
      sizeMib,
      isImport: "importFrom" in options,
    });
  });

  it.each([
    [{}, "lvm:a,discard=on,size=8G", true],
    [{ discard: false, ssd: false, ioThread: false, backup: true, cache: "none" }, "lvm:a,size=8G", true],
    [{ discard: true }, "lvm:a", false],
    [{ discard: false }, "lvm:a,discard=on", false],
    [{ backup: false }, "lvm:a", false],
    [{ cache: "writeback" }, "lvm:a,cache=writeback,format=raw", true],
  ])("with %j has the options of %s: %s", (options, existing, isSame) => {
    expect(disk(options).options.isSame(existing)).toBe(isSame);
  });

  it("keeps its volume and the options that are not set when one changes", () => {
    expect(disk({ storage: "files", size: "9G", ssd: true }).options.merge("lvm:a,discard=on,size=8G")).toBe(
      "lvm:a,discard=on,ssd=1",
    );
  });

  const target = { storage: "lvm", content: "images", path: "disks.scsi0.storage" };
  const source = { storage: "a", content: "import", path: "disks.scsi0.importFrom" };
  it.each([
    [{}, { storages: [] }],
    [{ storage: "lvm" }, { storages: [target] }],
    [
      { storage: "lvm", importFrom: "a:import/b" },
      {
        storages: [target, source],
        volumes: [{ volume: "a:import/b", path: "disks.scsi0.importFrom" }],
      },
    ],
  ])("of %j uses %j", (options, uses) => {
    expect(disk(options).uses).toEqual(uses);
  });
});

describe("firmware", () => {
  it.each([
    [
      { efiDisk: { storage: "lvm", preEnrolledKeys: true } },
      "efidisk0",
      "lvm:1,efitype=4m,pre-enrolled-keys=1",
      { efitype: "4m" },
    ],
    [
      { efiDisk: { storage: "lvm", preEnrolledKeys: false } },
      "efidisk0",
      "lvm:1,efitype=4m,pre-enrolled-keys=0",
      { efitype: "4m" },
    ],
    [{ tpm: { storage: "lvm", version: "v2.0" } }, "tpmstate0", "lvm:1,version=v2.0", { version: "v2.0" }],
  ])("of %j", (inputs, key, initial, fixed) => {
    const [volume, ...others] = volumesOf(inputs as never);
    expect(others).toEqual([]);
    expect(volume).toMatchObject({
      key,
      initial,
      fixed,
      storage: "lvm",
      sizeMib: undefined,
      isImport: false,
    });
    // Nothing of it is changed later.
    expect(volume!.options.isSame("lvm:vm-100-disk-1,other=1,size=4M")).toBe(true);
  });
});
