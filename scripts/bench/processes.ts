// Measures the resources that many processes use together. As a program, watches the processes that have a variable in
// their environment, until the end of standard input.
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

/** The environment variable of the processes to watch, whichever process started them. */
const MARK = "NIXOPS4_PROVIDERS_BENCH";
/** These programs are not providers. */
const NOT_WATCHED = new Set(["nixops4", "nixops4-eval"]);
const PAUSE_MS = 30;
/** The unit of the times in /proc: the kernel's USER_HZ. */
const TICKS_PER_SECOND = 100;

export interface Times {
  cpuSeconds: number;
  wallSeconds: number;
}

export interface Peaks {
  /** The sum of the proportional set sizes (PSS), in which shared memory is counted once. */
  mebibytes: number;
  processes: number;
}

/** Returns the times of the processes that `work` starts and awaits, without those of this process. */
export async function timesOf(work: () => Promise<void>): Promise<Times> {
  const before = childrenSeconds();
  const started = performance.now();
  await work();
  const wallSeconds = (performance.now() - started) / 1000;
  return { cpuSeconds: childrenSeconds() - before, wallSeconds };
}

/** Returns the largest memory and number of the processes that `work` starts, at any one time. */
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

/** Returns the CPU time of all children that have exited, in seconds. */
function childrenSeconds(): number {
  // The program name, in parentheses, may contain spaces.
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
  // Any argument is compared, since a wrapper may start the program through another one, such as a shell.
  return !read(pid, "cmdline")
    .split("\0")
    .some((argument) => NOT_WATCHED.has(basename(argument)));
}

function proportionalKibibytes(pid: string): number {
  return Number(/^Pss:\s*(\d+)/m.exec(read(pid, "smaps_rollup"))?.[1] ?? 0);
}

/** Returns the contents of a file in /proc; an empty string when the process has exited. */
function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch {
    return "";
  }
}

if (process.argv[1] === import.meta.filename) await watch(process.argv[2]!);
