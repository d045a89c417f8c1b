import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { type Answers, inTurn, tableClient } from "../../tests/table-client.ts";
import type { Wanted } from "./changes.ts";
import { observe } from "./observe.ts";
import { scalar } from "./setting.ts";
import { syncConfig } from "./sync-config.ts";
import type { Volume } from "./volume.ts";
import { volumesOf } from "../vm/disks.ts";

beforeEach(() => void jest.useFakeTimers({ now: Date.UTC(2026, 0, 2, 3, 4, 5, 678) }));
afterEach(() => void jest.useRealTimers());

const PATH = "/nodes/pve/qemu/100";
const SNAPSHOT = [
  `POST ${PATH}/snapshot`,
  { snapname: "nixops4-20260102T030405", description: "Before a change by nixops4" },
];
const REBOOT = [`POST ${PATH}/status/reboot`, { timeout: 1 }];
const PUT = (params: object) => [`PUT ${PATH}/config`, { ...params, digest: "d1" }];

/** What a guest has: active values, and values that wait. */
interface State {
  config: Record<string, string>;
  waiting?: Record<string, string>;
  removed?: string[];
}

const pendingOf = ({ config, waiting = {}, removed = [] }: State) =>
  Object.keys({ ...config, ...waiting }).map((key) => ({
    key,
    ...(key in config && { value: config[key] }),
    ...(key in waiting && { pending: waiting[key] }),
    ...(removed.includes(key) && { delete: 1 }),
  }));

interface Options {
  status?: string;
  kind?: "qemu" | "lxc";
  [input: string]: unknown;
}

/**
 * Changes a guest that has these states, each after another change. Returns its last values or the error, the requests
 * that change something, and the log.
 */
async function sync(
  wanted: Partial<Wanted>,
  states: State[],
  { status = "running", kind = "qemu", ...inputs }: Options = {},
) {
  const path = `/nodes/pve/${kind}/100`;
  const observed = inTurn(...states);
  let now: State;
  const answers: Answers = {
    [`GET ${path}/pending`]: () => pendingOf((now = observed({}) as State)),
    [`GET ${path}/status/current`]: { status },
    [`GET ${path}/config`]: () => ({ ...now.config, ...now.waiting, digest: "d1" }),
    [`PUT ${path}/config`]: null,
    [`POST ${path}/config`]: null,
    [`PUT ${path}/resize`]: null,
    [`PUT ${path}/cloudinit`]: null,
    [`POST ${path}/snapshot`]: null,
    [`POST ${path}/status/reboot`]: null,
  };
  const { client, writes, log } = tableClient(answers);
  const preflights: string[] = [];
  const run = {
    client,
    inputs: {
      rebootForChanges: false,
      snapshotBefore: false,
      taskTimeoutSeconds: 10,
      shutdownTimeoutSeconds: 1,
      ...inputs,
    } as never,
    wanted: { settings: [], volumes: [], previousKeys: [], previousVolumes: [], mayDetach: false, ...wanted },
    preflight: async (_: unknown, { set }: { set: Map<string, string> }) =>
      void preflights.push([...set.keys()].join(",")),
  };
  const end = syncConfig(run, await observe(client, { kind, node: "pve", vmid: 100 })).catch(
    (error: unknown) => error as Error & { path?: string; hint?: string },
  );
  await jest.advanceTimersByTimeAsync(20_000);
  const result = await end;
  return {
    ...(result instanceof Error
      ? { error: result.message, path: result.path, hint: result.hint, values: undefined }
      : { error: undefined, values: Object.fromEntries(result.values) }),
    writes: writes(),
    log,
    preflights,
  };
}

const cores = (value: number) => scalar("cores", "cores", value);
const name = scalar("name", "name", "web");
const disk = (more: object = {}): Volume =>
  volumesOf({ disks: { scsi0: { storage: "lvm", size: "8G", ...more } } })[0]!;

describe("a guest that is as wanted", () => {
  it.each([
    ["", { config: { cores: "2" } }, "running"],
    [
      ", with something else that waits",
      { config: { cores: "2", balloon: "0" }, waiting: { balloon: "1" } },
      "running",
    ],
    [" when it starts", { config: { cores: "1" }, waiting: { cores: "2" } }, "stopped"],
  ])("stays%s", async (_, state, status) => {
    expect(await sync({ settings: [cores(2)] }, [state], { status })).toMatchObject({
      values: { cores: "2" },
      writes: [],
      preflights: [],
      log: [],
    });
  });
});

describe("a change", () => {
  it("is checked, written and read back", async () => {
    const states: State[] = [{ config: { cores: "1" } }, { config: { cores: "2", name: "web" } }];
    expect(await sync({ settings: [cores(2), name] }, states)).toEqual({
      error: undefined,
      values: { cores: "2", name: "web" },
      writes: [PUT({ cores: "2", name: "web" })],
      preflights: ["cores,name"],
      log: ["info: changing cores, name of VM 100"],
    });
  });

  it("may remove keys", async () => {
    const wanted = { previousKeys: ["balloon", "tags"] };
    const states: State[] = [{ config: { balloon: "0", tags: "a" } }, { config: {} }];
    expect(await sync(wanted, states)).toMatchObject({
      writes: [PUT({ delete: "balloon,tags" })],
      log: ["info: changing balloon, tags of VM 100"],
    });
  });

  it("that is refused writes nothing", async () => {
    const state = { config: { cores: "1", scsi0: "zfs:a,size=8G" } };
    const { error, writes, preflights } = await sync({ settings: [cores(2)], volumes: [disk()] }, [state]);
    expect(error).toBe(
      "cannot change VM 100 in place, and it is never recreated; nothing was changed:\n  disks.scsi0.storage: is on the " +
        "storage zfs and is not moved: run `qm disk move VMID scsi0 lvm`, then apply again",
    );
    expect([writes, preflights]).toEqual([[], []]);
  });

  it("without an effect is an error after four rounds", async () => {
    const wanted = { settings: [cores(2)], previousKeys: ["balloon"], volumes: [disk()] };
    const state = { config: { cores: "1", balloon: "0", scsi0: "lvm:a,size=4G" } };
    const { error, writes } = await sync(wanted, [state]);
    expect(error).toBe(
      "Proxmox VE accepted changes of VM 100, but its configuration does not have them: cores, balloon, scsi0",
    );
    expect(writes).toHaveLength(8);
  });
});

describe("a disk", () => {
  const RESIZE = [`PUT ${PATH}/resize`, { disk: "scsi0", size: "8192M" }];
  const small = { config: { scsi0: "lvm:a,size=4G" } };
  const large = { config: { scsi0: "lvm:a,size=8G" } };

  it("grows", async () => {
    expect(await sync({ volumes: [disk()] }, [small, large])).toMatchObject({
      writes: [RESIZE],
      log: [],
    });
  });

  it("is read again after it has grown, before its options change", async () => {
    const done = { config: { scsi0: "lvm:a,ssd=1,size=8G" } };
    const { writes } = await sync({ volumes: [disk({ ssd: true })] }, [small, large, done]);
    // The size is not sent: it is no option.
    expect(writes.map(([what]) => what)).toEqual([`PUT ${PATH}/resize`, `PUT ${PATH}/config`]);
  });

  it("does not grow while a change of it waits", async () => {
    const waiting = { config: small.config, waiting: { scsi0: "lvm:a,ssd=1,size=4G" } };
    const { error, writes } = await sync({ volumes: [disk({ ssd: true })] }, [waiting]);
    expect(error).toBe("VM 100 needs a power cycle for scsi0");
    expect(writes).toEqual([]);
  });

  it.each([
    ["qemu", `POST ${PATH}/config`],
    ["lxc", "PUT /nodes/pve/lxc/100/config"],
  ] as const)("in a guest of the kind %s is created by %s", async (kind, what) => {
    const { writes } = await sync({ volumes: [disk()] }, [{ config: {} }, large], { kind });
    expect(writes).toEqual([[what, { scsi0: "lvm:8", digest: "d1" }]]);
  });

  it("that exists is changed without a task", async () => {
    const done = { config: { scsi0: "lvm:a,ssd=1,size=8G" } };
    const { writes } = await sync({ volumes: [disk({ ssd: true })] }, [large, done]);
    expect(writes).toEqual([PUT({ scsi0: "lvm:a,ssd=1" })]);
  });
});

describe("a change that waits", () => {
  const states = [
    { config: { cores: "1" } },
    { config: { cores: "1" }, waiting: { cores: "2" } },
    { config: { cores: "2" } },
  ];
  const wanted = { settings: [cores(2)] };

  it("is an error that says what to do", async () => {
    expect(await sync(wanted, states)).toMatchObject({
      error: "VM 100 needs a power cycle for cores",
      path: "rebootForChanges",
      hint:
        "The changes are written and pending. Power cycle it (a reboot from inside the guest is not enough) and apply again, or set " +
        "rebootForChanges = true.",
      writes: [PUT({ cores: "2" })],
    });
  });

  it("is an error again at the next apply, which writes nothing", async () => {
    expect(await sync(wanted, [states[1]!])).toMatchObject({
      error: "VM 100 needs a power cycle for cores",
      writes: [],
      preflights: [],
    });
  });

  it("becomes active by a power cycle, if that is allowed", async () => {
    expect(await sync(wanted, states, { rebootForChanges: true })).toEqual({
      error: undefined,
      values: { cores: "2" },
      writes: [PUT({ cores: "2" }), REBOOT],
      preflights: ["cores"],
      log: ["info: changing cores of VM 100", "info: power cycling VM 100 for cores"],
    });
  });

  it("that is a removal becomes active, too", async () => {
    const removal: State[] = [
      { config: { balloon: "0" } },
      { config: { balloon: "0" }, removed: ["balloon"] },
      { config: {} },
    ];
    expect(await sync({ previousKeys: ["balloon"] }, removal, { rebootForChanges: true })).toMatchObject({
      values: {},
      writes: [PUT({ delete: "balloon" }), REBOOT],
    });
  });

  it("names only the keys of the inputs", async () => {
    const other = { config: { cores: "1", balloon: "0" }, waiting: { cores: "2", balloon: "1" } };
    expect((await sync(wanted, [other])).error).toBe("VM 100 needs a power cycle for cores");
  });
});

describe("a snapshot", () => {
  const bios = [{ config: { bios: "seabios" } }, { config: { bios: "ovmf" } }];
  const ovmf = { settings: [scalar("bios", "bios", "ovmf")] };
  const waits = (key: string, before: string, after: string) => [
    { config: { [key]: before } },
    { config: { [key]: before }, waiting: { [key]: after } },
    { config: { [key]: after } },
  ];

  it.each<[string, Partial<Wanted>, State[], object, unknown[]]>([
    ["precedes a change of firmware", ovmf, bios, {}, [SNAPSHOT, PUT({ bios: "ovmf" })]],
    [
      "does not precede another change",
      { settings: [name] },
      [{ config: {} }, { config: { name: "web" } }],
      {},
      [PUT({ name: "web" })],
    ],
    [
      "precedes a power cycle",
      { settings: [cores(2)] },
      waits("cores", "1", "2"),
      { rebootForChanges: true },
      [PUT({ cores: "2" }), SNAPSHOT, REBOOT],
    ],
    [
      "is taken once for both",
      ovmf,
      waits("bios", "seabios", "ovmf"),
      { rebootForChanges: true },
      [SNAPSHOT, PUT({ bios: "ovmf" }), REBOOT],
    ],
  ])("%s", async (_, wanted, states, inputs, writes) => {
    expect((await sync(wanted, states, { snapshotBefore: true, ...inputs })).writes).toEqual(writes);
  });

  it("is taken only when it is wanted", async () => {
    expect((await sync(ovmf, bios)).writes).toEqual([PUT({ bios: "ovmf" })]);
    const { writes } = await sync({ settings: [cores(2)] }, waits("cores", "1", "2"), {
      rebootForChanges: true,
    });
    expect(writes).toEqual([PUT({ cores: "2" }), REBOOT]);
  });
});

describe("the drive of cloud-init", () => {
  const DRIVE = { ide0: "lvm:vm-100-cloudinit,media=cdrom" };
  const user = { settings: [scalar("ciuser", "cloudInit.user", "root")] };
  const WRITE = PUT({ ciuser: "root" });
  const RENEW = [`PUT ${PATH}/cloudinit`, {}];
  it.each([
    ["is written again when its settings change", DRIVE, user, "running", [WRITE, RENEW]],
    ["on SCSI is written, too", { scsi1: DRIVE.ide0 }, user, "running", [WRITE, RENEW]],
    ["is written by Proxmox VE when the guest starts", DRIVE, user, "stopped", [WRITE]],
    ["does not exist", { ide0: "local:iso/a.iso,media=cdrom" }, user, "running", [WRITE]],
    ["is not a text about it", { tags: "cloudinit" }, user, "running", [WRITE]],
    ["stays when other settings change", DRIVE, { settings: [name] }, "running", [PUT({ name: "web" })]],
  ])("%s", async (_, config, wanted, status, writes) => {
    const states = [{ config }, { config: { ...config, ciuser: "root", name: "web" } }];
    expect((await sync(wanted, states as State[], { status })).writes).toEqual(writes);
  });
});
