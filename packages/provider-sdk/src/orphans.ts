import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "./context.ts";
import { privateFolder } from "./private-folder.ts";
import { sleep } from "./timers.ts";

const POLL_SECONDS = 0.2;

/** The record that a working process keeps of itself. */
interface Entry {
  pid: number;
  /** When the process started, in clock ticks since boot. Its id may be used again by another process. */
  started: string;
  parent: number;
  since: string;
  /** When the work began, in microseconds of the monotonic clock, which all processes share. */
  begun: number;
}

/**
 * Waits until no orphan does the same work, then does it. nixops4 exits at the first failure and leaves the other
 * providers running, so the next apply could do the same work at the same time. Processes of a nixops4 that still runs do
 * not wait for each other.
 */
export async function afterOrphans<T>(
  identity: unknown,
  context: Context,
  work: () => Promise<T>,
): Promise<T> {
  const folder = await privateFolder();
  const self = stateOf(process.pid);
  if (folder === undefined || self === undefined) return work();
  const digest = createHash("sha256").update(JSON.stringify(identity)).digest("hex");
  const entry: Entry = { pid: process.pid, ...self, since: new Date().toISOString(), begun: now() };
  const file = join(folder, `${digest}.${process.pid}`);
  await writeFile(file, JSON.stringify(entry), { mode: 0o600 });
  try {
    await untilGone(folder, digest, entry, context);
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

async function untilGone(folder: string, digest: string, self: Entry, context: Context): Promise<void> {
  const names = await readdir(folder);
  for (const name of names.filter((name) => name.startsWith(digest))) {
    const file = join(folder, name);
    const entry = await readEntry(file);
    if (entry === undefined) continue;
    if (!isAtWork(entry)) await rm(file, { force: true });
    else if (isOrphan(entry) && isEarlier(entry, self)) await waitFor(entry, file, context);
  }
}

async function waitFor(entry: Entry, file: string, context: Context): Promise<void> {
  const { pid, since } = entry;
  const progress = context.progress(
    `waiting for process ${pid}, which a nixops4 that has ended left at work on the same, since ${since}`,
  );
  try {
    while (isAtWork(entry) && (await readEntry(file)) !== undefined) {
      await sleep(POLL_SECONDS, context.signal);
    }
  } finally {
    progress.done();
  }
}

async function readEntry(file: string): Promise<Entry | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Entry;
  } catch {
    // The process has ended, or was killed while it wrote.
    return undefined;
  }
}

function isAtWork({ pid, started }: Entry): boolean {
  return stateOf(pid)?.started === started;
}

function isOrphan({ pid, parent }: Entry): boolean {
  return stateOf(pid)?.parent !== parent;
}

/** Two processes of a nixops4 that has ended would wait for each other for ever: only the one that began later waits. */
function isEarlier(one: Entry, other: Entry): boolean {
  return one.begun < other.begun || (one.begun === other.begun && one.pid < other.pid);
}

function now(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

function stateOf(pid: number): { parent: number; started: string } | undefined {
  try {
    // The name of the program is in parentheses and may contain spaces.
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1)!.split(" ");
    return { parent: Number(fields[1]), started: fields[19]! };
  } catch {
    return undefined;
  }
}
