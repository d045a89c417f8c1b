import * as childProcess from "node:child_process";
import { writeFileSync } from "node:fs";
import * as fs from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { FailingFs, FAULTS, inMemoryFolder } from "@nixops4-providers/test-servers";

const failing = await FailingFs.create();
jest.unstable_mockModule("node:fs/promises", () => failing.module);
jest.unstable_mockModule("node:fs", () => failing.syncModule);
/** Called before the program starts that takes a lock. */
let beforeLock = () => {};
jest.unstable_mockModule("node:child_process", () => ({
  ...childProcess,
  spawn: (...args: Parameters<typeof childProcess.spawn>) => {
    beforeLock();
    return childProcess.spawn(...args);
  },
}));
const { createLog, openLog } = await import("../src/log.ts");
type Log = Awaited<ReturnType<typeof openLog>>;

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await fs.mkdtemp(join(inMemoryFolder, "log-faults-"));
  path = join(folder, "log");
  await createLog(path, { n: 0 });
});
afterEach(() => fs.rm(folder, { recursive: true }));

const open = async () => openLog(path, "held", { timeoutSeconds: 0 });

/** Returns what a process that starts now reads. */
async function stored(): Promise<number[]> {
  const log = await open();
  try {
    return ((await log.read()).records as { n: number }[]).map(({ n }) => n);
  } finally {
    await log.close();
  }
}

describe.each(FAULTS)("%s", (code) => {
  describe.each([false, true])("at one call, and at all after it: %s", (persistent) => {
    it.each([0, 100_000])(
      "loses nothing that was acknowledged by append, at whichever call, with %s bytes more in each record",
      async (more) => {
        await atEachCall({ code, persistent }, async (log, acknowledged) => {
          const rest = more === 0 ? {} : { rest: "x".repeat(more) };
          for (let n = 1; n <= 3; n++) await log.append({ n, ...rest }).then(() => acknowledged.push(n));
        });
      },
    );

    it("leaves the old records or the new ones when they are replaced, and knows which", async () => {
      await atEachCall({ code, persistent }, async (log, acknowledged) => {
        await log.append({ n: 1 });
        acknowledged.push(1);
        await log.replace([{ n: 0 }, { n: 1 }]);
        await log.append({ n: 2 });
        acknowledged.push(2);
      });
    });
  });
});

it("names the file where a new one cannot be made", async () => {
  // stat, open, chmod, stat, writeFile
  failing.arm("ENOSPC", 4);
  await expect(createLog(join(folder, "new"), { n: 0 })).rejects.toThrow(
    new RegExp(`ENOSPC.*${join(folder, "new")}`),
  );
  failing.disarm();
  expect(await fs.readdir(folder)).toEqual(["log"]);
});

describe("a log on a file system without hard links", () => {
  const fileAt = (name: string) => join(folder, name);
  async function createWithLinkFailing(code: string): Promise<boolean> {
    failing.arm(code, Infinity);
    await createLog(fileAt("counted"), { n: 0 });
    const link = failing.calls.indexOf("link");
    failing.arm(code, link);
    return createLog(fileAt("new"), { n: 1 }).finally(() => failing.disarm());
  }

  it.each(["EPERM", "ENOSYS", "ENOTSUP", "EOPNOTSUPP"])(
    "is created when link(2) fails with %s",
    async (code) => {
      expect(await createWithLinkFailing(code)).toBe(true);
      expect(JSON.parse(await fs.readFile(fileAt("new"), "utf8"))).toEqual({ n: 1 });
      expect((await fs.readdir(folder)).toSorted()).toEqual(["counted", "log", "new"]);
    },
  );

  it.each(["EIO", "ENOSPC", "EMLINK"])("is not created when it fails with %s", async (code) => {
    await expect(createWithLinkFailing(code)).rejects.toMatchObject({ code });
    expect((await fs.readdir(folder)).toSorted()).toEqual(["counted", "log"]);
  });

  it("is left to the process that has created it meanwhile", async () => {
    expect(await createWithLinkFailing("EEXIST")).toBe(false);
  });

  it("is left to the process that has written to the empty file before the lock", async () => {
    beforeLock = () => writeFileSync(fileAt("new"), "a record");
    expect(await createWithLinkFailing("EPERM").finally(() => (beforeLock = () => {}))).toBe(false);
    expect(await fs.readFile(fileAt("new"), "utf8")).toBe("a record");
    expect((await fs.readdir(folder)).toSorted()).toEqual(["counted", "log", "new"]);
  });
});

it.each([
  ["a failed sync", "sync", false],
  ["a failed write, of which the remains are removed", "writeSync", true],
])("after %s at %s, the contents are known: %s", async (_, name, isIntact) => {
  const log = await open();
  failing.arm("EIO", Infinity);
  await log.append({ n: 1 });
  failing.arm("EIO", failing.calls.indexOf(name));
  await expect(log.append({ n: 2 })).rejects.toMatchObject({ code: "EIO" });
  failing.disarm();
  expect(log.isIntact).toBe(isIntact);
  await log.close();
});

describe("a record that was cut off and cannot be removed", () => {
  const TORN = '{"n":0}\n{"n":';
  async function readWithTruncateFailing(lock: "exclusive" | "held") {
    const repairs: string[] = [];
    await fs.writeFile(path, TORN);
    const counted = await openLog(path, lock, { timeoutSeconds: 0 });
    failing.arm("EIO", Infinity);
    await counted.read();
    const truncate = failing.calls.indexOf("truncate");
    failing.disarm();
    await counted.close();
    await fs.writeFile(path, TORN);
    const log = await openLog(path, lock, {
      timeoutSeconds: 0,
      onRepair: (sideFile) => repairs.push(sideFile),
    });
    failing.arm("EIO", truncate);
    return { log, repairs, read: log.read().finally(() => failing.disarm()) };
  }

  it("is an error, for a log that is locked", async () => {
    const { log, repairs, read } = await readWithTruncateFailing("exclusive");
    await expect(read).rejects.toThrow(`EIO: injected, truncate '${path}'`);
    expect(repairs).toEqual([]);
    await log.close();
  });

  it("is left to the next replacement, for a log that is held", async () => {
    const { log, repairs, read } = await readWithTruncateFailing("held");
    expect(await read).toEqual({ records: [{ n: 0 }], torn: false });
    expect([repairs, log.isIntact, await fs.readFile(path, "utf8")]).toEqual([[], false, TORN]);
    await expect(log.append({ n: 1 })).rejects.toThrow(
      `the contents of ${path} are unknown after a failed write`,
    );
    await log.replace([{ n: 0 }]);
    await log.append({ n: 1 });
    expect(await stored()).toEqual([0, 1]);
    expect(await fs.readdir(folder)).toEqual(["log"]);
    await log.close();
  });
});

it("writes nothing when the log exists", async () => {
  failing.arm("ENOSPC", Infinity);
  expect(await createLog(path, { n: 0 })).toBe(false);
  failing.disarm();
  expect(failing.calls).toEqual(["stat"]);
});

/** Returns the files in the folder that this process has open. */
async function openFiles(): Promise<string[]> {
  const numbers = await fs.readdir("/proc/self/fd");
  const files = numbers.map((number) => fs.readlink(`/proc/self/fd/${number}`).catch(() => ""));
  return (await Promise.all(files)).filter((file) => file.startsWith(folder));
}

/** Repeats the work with a fault at the first call, the second, and so on. Goes on without a fault each time. */
async function atEachCall(
  { code, persistent }: { code: string; persistent: boolean },
  work: (log: Log, acknowledged: number[]) => Promise<unknown>,
): Promise<void> {
  let hasFailed = true;
  for (let call = 0; hasFailed; call++) {
    await fs.rm(path);
    await createLog(path, { n: 0 });
    const log = await open();
    const acknowledged = [0];
    failing.arm(code, call, { persistent });
    const error = await work(log, acknowledged).catch((cause: Error) => cause);
    hasFailed = failing.disarm();
    if (error !== undefined) expect(error).toMatchObject({ code });

    // First what a crash would leave, then what the log has after it went on.
    const crashed = await stored();
    expect({ call, stored: crashed.slice(0, acknowledged.length) }).toEqual({ call, stored: acknowledged });
    const all = acknowledged.map((n) => ({ n }));
    if (!log.isIntact) await log.replace(all);
    await log.append({ n: 100 });
    expect({ call, stored: await stored() }).toEqual({ call, stored: [...acknowledged, 100] });
    await log.close();
    expect({ call, open: await openFiles() }).toEqual({ call, open: [] });
    const leftovers = (await fs.readdir(folder)).filter((name) => !name.endsWith(".tmp") && name !== "log");
    for (const name of leftovers) expect(name).toMatch(/^log\.torn-/);
    for (const name of await fs.readdir(folder)) if (name !== "log") await fs.rm(join(folder, name));
    expect(call).toBeLessThan(200);
  }
}
