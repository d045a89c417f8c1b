import { spawnSync } from "node:child_process";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { createLog, openLog, type OpenLog } from "./log.ts";

const NOW = { timeoutSeconds: 0 };
const LARGE = "x".repeat(300_000);

let folder: string;
let path: string;
let opened: OpenLog[];

beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), "log-"));
  path = join(folder, "log");
  opened = [];
});
afterEach(async () => {
  for (const log of opened) await log.close().catch(() => {});
  await fs.rm(folder, { recursive: true });
});

async function open(lock: "shared" | "exclusive" | "held", options = {}): Promise<OpenLog> {
  const log = await openLog(path, lock, { ...NOW, ...options });
  opened.push(log);
  return log;
}

const numbersIn = async (log: OpenLog) => ((await log.read()).records as { n: number }[]).map(({ n }) => n);
const isLocked = (file = path) => spawnSync("flock", ["-n", file, "true"]).status !== 0;
const sideFiles = async () => (await fs.readdir(folder)).filter((name) => name.startsWith("log.torn-"));
const text = () => fs.readFile(path, "utf8");

describe("createLog", () => {
  it("makes a file of mode 0600, once", async () => {
    expect(await createLog(path, { n: 0 })).toBe(true);
    expect((await fs.stat(path)).mode & 0o777).toBe(0o600);
    expect(await createLog(path, { n: 1 })).toBe(false);
    expect(await text()).toBe('{\n  "n": 0\n}\n');
    expect(await fs.readdir(folder)).toEqual(["log"]);
  });

  it("makes one file when many processes do it at once", async () => {
    const results = await Promise.all(Array.from({ length: 20 }, (_, n) => createLog(path, { n })));
    expect(results.filter((isMade) => isMade)).toHaveLength(1);
    const log = await open("held");
    expect(await numbersIn(log)).toEqual([results.indexOf(true)]);
    expect(await fs.readdir(folder)).toEqual(["log"]);
  });

  it("fails with the path where there is no folder", async () => {
    await expect(createLog(join(folder, "missing", "log"), {})).rejects.toMatchObject({ code: "ENOENT" });
    await fs.writeFile(join(folder, "file"), "");
    await expect(createLog(join(folder, "file", "log"), {})).rejects.toMatchObject({ code: "ENOTDIR" });
  });
});

describe("openLog", () => {
  beforeEach(() => createLog(path, { n: 0 }));

  it.each([
    ["shared", true],
    ["exclusive", true],
    ["held", false],
  ] as const)("with %s locks the file against writers: %s", async (lock, expected) => {
    const log = await open(lock);
    expect(isLocked()).toBe(expected);
    await log.close();
    expect(isLocked()).toBe(false);
  });

  it("takes the file that has replaced the one whose lock it waited for", async () => {
    const first = await open("exclusive");
    const second = openLog(path, "exclusive", { timeoutSeconds: 60, onWait: () => void first.close() });
    await first.replace([{ n: 1 }]);
    const log = await second;
    opened.push(log);
    expect(await numbersIn(log)).toEqual([1]);
    expect(isLocked()).toBe(true);
    await log.append({ n: 2 });
    expect(await numbersIn(log)).toEqual([1, 2]);
  });

  it.each(["shared", "exclusive", "held"] as const)("with %s refuses what is not a file", async (lock) => {
    await fs.rm(path);
    await fs.mkdir(path);
    await expect(open(lock)).rejects.toThrow(lock === "shared" ? "is not a regular file" : "EISDIR");
    await fs.rmdir(path);
    await expect(open(lock)).rejects.toMatchObject({ code: "ENOENT" });
  });
});

describe("an open log", () => {
  beforeEach(() => createLog(path, { n: 0 }));

  it.each([
    ["ends in a line feed", '{"n":0}\n', '{"n":0}\n{\n  "n": 1\n}\n'],
    ["does not", '{"n":0}', '{"n":0}\n{\n  "n": 1\n}\n'],
    ["is empty", "", '{\n  "n": 1\n}\n'],
  ])("puts the next record on a line of its own if the file %s", async (_, before, after) => {
    await fs.writeFile(path, before);
    const log = await open("exclusive");
    expect(await log.append({ n: 1 })).toBe(after.length - before.length);
    expect(await text()).toBe(after);
    expect(await log.size()).toBe(after.length);
  });

  it("takes records of any size, one after another", async () => {
    const log = await open("exclusive");
    for (let n = 1; n <= 100; n++) await log.append(n % 10 === 0 ? { n, LARGE } : { n });
    expect(await numbersIn(log)).toEqual(Array.from({ length: 101 }, (_, n) => n));
  });

  it("knows its place from another file at the path, and from none", async () => {
    const log = await open("exclusive");
    expect(await log.isInPlace()).toBe(true);
    await fs.rename(path, join(folder, "old"));
    expect(await log.isInPlace()).toBe(false);
    await fs.writeFile(path, await fs.readFile(join(folder, "old")));
    expect(await log.isInPlace()).toBe(false);
  });

  it("is no more at its position after any write or replacement", async () => {
    const log = await open("exclusive");
    const position = log.position();
    expect(log.isStillAt(position)).toBe(true);
    await log.append({ n: 1 });
    expect(log.isStillAt(position)).toBe(false);
    expect(log.isStillAt(log.position())).toBe(true);
    const contents = await text();
    await fs.rm(path);
    await fs.writeFile(path, contents);
    expect(log.isStillAt(log.position())).toBe(false);
  });

  it.each([
    ["0600", undefined, "0600"],
    ["0700", undefined, "0700"],
    ["0640", "0640", "0600"],
    ["0604", "0604", "0600"],
    ["0755", "0755", "0700"],
  ])("of mode %s is restricted from %s to %s", async (mode, before, after) => {
    const octal = (number: number | undefined) => number?.toString(8).padStart(4, "0");
    const log = await open("exclusive");
    await fs.chmod(path, mode);
    expect(octal(await log.restrict())).toBe(before);
    expect(octal((await fs.stat(path)).mode & 0o7777)).toBe(after);
  });
});

describe("a log whose last record was cut off", () => {
  const WHOLE = '{"n":0}\n{"n":1}\n';
  const repairs: [string, number][] = [];
  const onRepair = (sideFile: string, bytes: number) => repairs.push([sideFile, bytes]);
  beforeEach(async () => {
    repairs.length = 0;
    await fs.writeFile(path, `${WHOLE}{"n":`);
  });

  it("is read without it, and not changed, under a shared lock", async () => {
    const log = await open("shared", { onRepair });
    expect(await log.read()).toEqual({ records: [{ n: 0 }, { n: 1 }], torn: true });
    expect([await text(), repairs, await sideFiles()]).toEqual([`${WHOLE}{"n":`, [], []]);
  });

  it.each(["exclusive", "held"] as const)("is repaired, with %s", async (lock) => {
    const log = await open(lock, { onRepair });
    expect(await log.read()).toEqual({ records: [{ n: 0 }, { n: 1 }], torn: false });
    const [sideFile] = await sideFiles();
    expect(repairs).toEqual([[join(folder, sideFile!), 6]]);
    expect(await fs.readFile(join(folder, sideFile!), "utf8")).toBe('\n{"n":');
    expect((await fs.stat(join(folder, sideFile!))).mode & 0o777).toBe(0o600);
    expect(log.isIntact).toBe(true);
    await log.append({ n: 2 });
    expect(await numbersIn(log)).toEqual([0, 1, 2]);
    expect(repairs).toHaveLength(1);
  });

  it("is left alone when there is no whole record, since it may be another file", async () => {
    await fs.writeFile(path, '{"n":');
    const log = await open("exclusive", { onRepair });
    expect(await log.read()).toEqual({ records: [], torn: true });
    expect([await text(), repairs, await sideFiles()]).toEqual(['{"n":', [], []]);
  });
});

describe("the records are replaced", () => {
  beforeEach(() => createLog(path, { n: 0 }));

  it("and the remains of repairs are removed", async () => {
    await fs.writeFile(join(folder, "log.torn-1"), "remains");
    await fs.writeFile(join(folder, "log.tornado"), "another file");
    const log = await open("exclusive");
    const size = await log.replace([{ n: 1 }, { n: 2 }]);
    expect(size).toBe((await fs.stat(path)).size);
    expect(await fs.readdir(folder)).toEqual(["log", "log.tornado"]);
  });

  it.each([0, 1, 3])("by %i large ones, with their size", async (count) => {
    const log = await open("held");
    const size = await log.replace(Array.from({ length: count }, (_, n) => ({ n, text: `${LARGE}ä` })));
    expect(size).toBe((await fs.stat(path)).size);
    expect(await numbersIn(log)).toEqual(Array.from({ length: count }, (_, n) => n));
  });

  it("and go on if held, else must be opened again", async () => {
    const held = await open("held");
    await held.replace([{ n: 1 }]);
    await held.append({ n: 2 });
    expect(await numbersIn(held)).toEqual([1, 2]);
    const locked = await open("exclusive");
    await locked.replace([{ n: 3 }]);
    expect(locked.isIntact).toBe(false);
    await expect(locked.append({ n: 4 })).rejects.toThrow("are unknown after a failed write");
    expect(await text()).toBe('{\n  "n": 3\n}\n');
  });
});
