// What many processes use together. As a program: watches those whose environment has a variable, until standard input ends.
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

/** The processes to watch have it in their environment, whoever started them. */
const MARK = "NIXOPS4_PROVIDERS_BENCH";
/** They are no providers. */
const NOT_WATCHED = new Set(["nixops4", "nixops4-eval"]);
const PAUSE_MS = 30;
/** Of the times in /proc: the kernel's USER_HZ. */
const TICKS_PER_SECOND = 100;

export interface Times {
  cpuSeconds: number;
  wallSeconds: number;
}

export interface Peaks {
  /** Proportional: what processes share is counted once. */
  mebibytes: number;
  processes: number;
}

/** What the processes that `work` starts and awaits take, without this process itself. */
export async function timesOf(work: () => Promise<void>): Promise<Times> {
  const before = childrenSeconds();
  const started = performance.now();
  await work();
  const wallSeconds = (performance.now() - started) / 1000;
  return { cpuSeconds: childrenSeconds() - before, wallSeconds };
}

/** The most that the processes that `work` starts use at one time. */
export async function peaksOf(work: () => Promise<void>): Promise<Peaks> {
  const mark = String(process.pid);
  const watcher = spawn(process.execPath, [...process.execArgv, import.meta.filename, mark], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const peaks = text(watcher.stdout);
  process.env[MARK] = mark;
  try {
    await work();
  } finally {
    delete process.env[MARK];
    watcher.stdin.end();
  }
  return JSON.parse(await peaks) as Peaks;
}

/** The CPU time of all children that have ended. */
function childrenSeconds(): number {
  // The name of the program, in parentheses, may have spaces.
  const fields = readFileSync("/proc/self/stat", "latin1")
    .replace(/^.*\) /, "")
    .split(" ");
  const [user, system] = [fields[13], fields[14]];
  return (Number(user) + Number(system)) / TICKS_PER_SECOND;
}

async function watch(mark: string): Promise<void> {
  const peaks: Peaks = { mebibytes: 0, processes: 0 };
  process.stdin.resume();
  while (!process.stdin.readableEnded) {
    const kibibytes = readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name) && isWatched(name, mark))
      .map(proportionalKibibytes);
    peaks.processes = Math.max(peaks.processes, kibibytes.length);
    peaks.mebibytes = Math.max(peaks.mebibytes, kibibytes.reduce((sum, each) => sum + each, 0) / 1024);
    await sleep(PAUSE_MS);
  }
  console.log(JSON.stringify(peaks));
}

function isWatched(pid: string, mark: string): boolean {
  if (!read(pid, "environ").split("\0").includes(`${MARK}=${mark}`)) return false;
  // A wrapper may have started them by another program.
  return !read(pid, "cmdline")
    .split("\0")
    .some((argument) => NOT_WATCHED.has(basename(argument)));
}

function proportionalKibibytes(pid: string): number {
  return Number(/^Pss:\s*(\d+)/m.exec(read(pid, "smaps_rollup"))?.[1] ?? 0);
}

/** Empty when the process has ended. */
function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch {
    return "";
  }
}

if (process.argv[1] === import.meta.filename) await watch(process.argv[2]!);
