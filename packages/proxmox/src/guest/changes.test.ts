import { describe, expect, it } from "@jest/globals";
import { changesFor, isNothing, type Wanted } from "./changes.ts";
import type { Observed } from "./observe.ts";
import { propsSetting, scalar, type Setting } from "./setting.ts";
import type { Volume } from "./volume.ts";

const volume = (key: string, more: Partial<Volume> = {}): Volume => ({
  key,
  path: `disks.${key}`,
  storage: "lvm",
  initial: "lvm:8",
  options: propsSetting({ key, path: `disks.${key}`, defaultKey: "file", managed: { ssd: "1" } }),
  sizeMib: 8192,
  isImport: false,
  fixed: {},
  uses: {},
  ...more,
});
const drive: Setting = {
  key: "ide2",
  path: "cdrom",
  initial: "none,media=cdrom",
  merge: () => "none,media=cdrom",
  isSame: (existing) => existing === "none,media=cdrom",
};

function changes(wanted: Partial<Wanted>, values: Record<string, string>) {
  const seen = { values: new Map(Object.entries(values)) } as unknown as Observed;
  const none = { settings: [], volumes: [], previousKeys: [], previousVolumes: [], mayDetach: false };
  const { set, refusals, managed, ...rest } = changesFor({ ...none, ...wanted }, seen);
  return {
    ...rest,
    set: Object.fromEntries(set),
    managed: [...managed],
    refusals: refusals.map(({ path, message }) => `${path}: ${message}`),
    isNothing: isNothing({ set, refusals, managed, ...rest }),
  };
}

it("are none where all is as wanted", () => {
  const wanted = { settings: [scalar("cores", "cores", 2)], volumes: [volume("scsi0")] };
  expect(changes(wanted, { cores: "2", scsi0: "lvm:a,ssd=1,size=8G" })).toEqual({
    set: {},
    remove: [],
    grow: [],
    isLong: false,
    isRisky: false,
    refusals: [],
    managed: ["cores", "scsi0"],
    isNothing: true,
  });
});

it("set what is missing or other", () => {
  const settings = [scalar("cores", "cores", 2), scalar("balloon", "balloon", 0)];
  expect(changes({ settings }, { cores: "1" })).toMatchObject({
    set: { cores: "2", balloon: "0" },
    isLong: false,
    isRisky: false,
    isNothing: false,
  });
});

it("change the options of a disk, grow it, and create a new one", () => {
  const volumes = [volume("scsi0"), volume("scsi1")];
  expect(changes({ volumes }, { scsi0: "lvm:a,size=4G" })).toMatchObject({
    set: { scsi0: expect.stringContaining("ssd=1"), scsi1: "lvm:8" },
    grow: [{ disk: "scsi0", size: "8192M" }],
    isLong: true,
    isRisky: true,
  });
  expect(changes({ volumes: [volume("scsi0")] }, { scsi0: "lvm:a,size=8G" })).toMatchObject({
    isLong: false,
    isRisky: true,
    grow: [],
  });
  expect(changes({ volumes: [volume("scsi0")] }, { scsi0: "lvm:a,ssd=1,size=4G" })).toMatchObject({
    set: {},
    isNothing: false,
  });
});

it.each([
  ["bios", true],
  ["efidisk0", true],
  ["mp3", true],
  ["rootfs", true],
  ["features", true],
  ["name", false],
  ["net0", false],
])("of %s are risky: %s", (key, isRisky) => {
  expect(changes({ settings: [scalar(key, key, "x")] }, {}).isRisky).toBe(isRisky);
  expect(changes({ previousKeys: [key] }, { [key]: "x" })).toMatchObject({
    remove: [key],
    isRisky,
    isNothing: false,
  });
});

describe("what was wanted before", () => {
  it("is removed if it exists and is no longer wanted", () => {
    const wanted = { settings: [scalar("cores", "cores", 2)], previousKeys: ["cores", "balloon", "tags"] };
    expect(changes(wanted, { cores: "2", balloon: "0" })).toMatchObject({
      remove: ["balloon"],
      managed: ["cores", "balloon"],
    });
  });

  it("is kept when it is a disk, unless it may be detached", () => {
    const previousVolumes = [volume("scsi0"), volume("scsi1"), volume("scsi2")];
    const now = { scsi0: "lvm:a,ssd=1,size=8G", scsi1: "lvm:b" };
    const wanted = { volumes: [volume("scsi0")], previousVolumes };
    expect(changes(wanted, now).refusals).toEqual([
      "disks.scsi1: is no longer in the inputs and holds data: put it back, or set detachRemovedDisks = true to keep it as an unused disk",
    ]);
    expect(changes({ ...wanted, mayDetach: true }, now)).toMatchObject({ refusals: [], remove: ["scsi1"] });
  });
});

describe("what is refused", () => {
  const missing = (name: string) => `disks.scsi0.${name}: is required for a new disk`;
  it.each([
    ["a new disk without a storage", { storage: undefined }, [missing("storage")]],
    ["a new disk without a size", { sizeMib: undefined }, [missing("size")]],
    ["nothing of an import without a size", { sizeMib: undefined, isImport: true }, []],
    ["nothing of a volume that needs no size", { sizeMib: undefined, path: "efiDisk" }, []],
    ["nothing of a new disk with both", {}, []],
  ])("%s", (_, more, wanted) => {
    expect(changes({ volumes: [volume("scsi0", more)] }, {}).refusals).toEqual(wanted);
  });

  it.each([
    ["lvm:vm-1-disk-1,size=8G", ["cdrom: ide2 has the disk lvm:vm-1-disk-1: choose another slot"]],
    ["local:iso/a.iso,media=cdrom", []],
  ])("a drive in the place of %s", (existing, wanted) => {
    expect(changes({ settings: [drive] }, { ide2: existing }).refusals).toEqual(wanted);
  });

  it("no drive where nothing is, and no other setting", () => {
    expect(changes({ settings: [drive, scalar("cores", "cores", 2)] }, { cores: "1" }).refusals).toEqual([]);
  });

  it("a disk that is smaller than it is", () => {
    expect(changes({ volumes: [volume("scsi0")] }, { scsi0: "lvm:a,size=9G" }).refusals).toHaveLength(1);
  });
});
