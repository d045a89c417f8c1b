import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import type { Context } from "./context.ts";
import { afterOrphans } from "./orphans.ts";

const IDENTITY = ["local", "exec", {}];
let folder: string;
let runtimeFolder: string | undefined;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "orphans-"));
  runtimeFolder = process.env["XDG_RUNTIME_DIR"];
  process.env["XDG_RUNTIME_DIR"] = folder;
});
afterEach(() => {
  if (runtimeFolder === undefined) delete process.env["XDG_RUNTIME_DIR"];
  else process.env["XDG_RUNTIME_DIR"] = runtimeFolder;
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

/** Records a process at the same work. Unless `parent` is that of the process, its nixops4 has ended. */
async function record(pid: number, parent: (actual: number) => number, begun = 0): Promise<void> {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1)!.split(" ");
  const entry = { pid, parent: parent(Number(fields[1])), started: fields[19], since: "2026-01-01", begun };
  await mkdir(privateFolder(), { mode: 0o700, recursive: true });
  writeFileSync(fileOf(pid), JSON.stringify(entry));
}

const privateFolder = () => join(folder, `nixops4-providers-${process.getuid!()}`);
const digest = createHash("sha256").update(JSON.stringify(IDENTITY)).digest("hex");
const fileOf = (pid: number) => join(privateFolder(), `${digest}.${pid}`);

const isGone = () => 0;
const isRunning = (actual: number) => actual;

let onProgress: (what: string) => void = () => {};

/** Resolves to whether the work was done before the signal was aborted. */
async function works(signal = AbortSignal.timeout(300)): Promise<boolean> {
  const progress = (what: string) => {
    onProgress(what);
    return { update: () => {}, done: () => {} };
  };
  const context = { signal, progress } as unknown as Context;
  return afterOrphans(IDENTITY, context, async () => true).catch(() => false);
}

function startProcess(): number {
  const child = spawn("sleep", ["60"]);
  children.push(child);
  return child.pid!;
}

async function endProcess(): Promise<void> {
  const child = children.pop()!;
  const ended = once(child, "close");
  child.kill("SIGKILL");
  await ended;
}

describe("afterOrphans", () => {
  it("waits for an earlier process whose nixops4 has ended", async () => {
    await record(process.ppid, isGone);
    expect(await works()).toBe(false);
  });

  it("does not wait for a process whose nixops4 still runs", async () => {
    await record(process.ppid, isRunning);
    expect(await works()).toBe(true);
  });

  it("does not wait for a process that began later, which waits for this one", async () => {
    await record(startProcess(), isGone, Number.MAX_SAFE_INTEGER);
    expect(await works()).toBe(true);
  });

  it("of two that began at the same time, waits for the one with the lower id", async () => {
    const clock = jest.spyOn(process.hrtime, "bigint").mockReturnValue(5_999n);
    for (const pid of [process.ppid, startProcess()]) {
      await record(pid, isGone, 5);
      expect(await works()).toBe(pid > process.pid);
      rmSync(fileOf(pid));
    }
    clock.mockRestore();
  });

  it("does not wait for a process that has ended, and removes its record", async () => {
    const pid = startProcess();
    await record(pid, isGone);
    await endProcess();
    expect(await works()).toBe(true);
    expect(existsSync(fileOf(pid))).toBe(false);
  });

  it("does not wait for another process with the id of one that has ended", async () => {
    await record(process.ppid, isGone);
    const entry = readFileSync(fileOf(process.ppid), "utf8").replace(/"started":"\d+"/, '"started":"1"');
    writeFileSync(fileOf(process.ppid), entry);
    expect(await works()).toBe(true);
  });

  it("ignores a record that was not written to its end", async () => {
    await record(process.ppid, isGone);
    writeFileSync(fileOf(process.ppid), "{");
    expect(await works()).toBe(true);
  });

  it.each([
    ["has ended", () => endProcess()],
    ["has removed its record", async (pid: number) => rmSync(fileOf(pid))],
  ])("waits until the process %s", async (_, end) => {
    const pid = startProcess();
    await record(pid, isGone);
    const begins = new Promise<string>((resolve) => (onProgress = resolve));
    const worked = works(new AbortController().signal);
    expect(await begins).toBe(
      `waiting for process ${pid}, which a nixops4 that has ended left at work on the same, since 2026-01-01`,
    );
    await end(pid);
    expect(await worked).toBe(true);
  });

  it("removes its own record at the end", async () => {
    expect(await works()).toBe(true);
    expect(existsSync(fileOf(process.pid))).toBe(false);
  });

  it("works without a private folder", async () => {
    writeFileSync(privateFolder(), "");
    expect(await works()).toBe(true);
  });
});
