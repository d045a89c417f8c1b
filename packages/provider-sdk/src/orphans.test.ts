import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
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
  const digest = createHash("sha256").update(JSON.stringify(IDENTITY)).digest("hex");
  const own = join(folder, `nixops4-providers-${process.getuid!()}`);
  await mkdir(own, { mode: 0o700, recursive: true });
  writeFileSync(join(own, `${digest}.${pid}`), JSON.stringify(entry));
}

const isGone = () => 0;
const isRunning = (actual: number) => actual;

/** Resolves to whether the work was done before the signal was aborted. */
async function works(): Promise<boolean> {
  const progress = { update: () => {}, done: () => {} };
  const context = { signal: AbortSignal.timeout(300), progress: () => progress } as unknown as Context;
  return afterOrphans(IDENTITY, context, async () => true).catch(() => false);
}

function startProcess(): number {
  const child = spawn("sleep", ["60"]);
  children.push(child);
  return child.pid!;
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

  it("does not wait for a process that has ended", async () => {
    const pid = startProcess();
    await record(pid, isGone);
    const child = children.pop()!;
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.kill("SIGKILL");
    await ended;
    expect(await works()).toBe(true);
  });
});
