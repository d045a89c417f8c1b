import type { ChildProcess, SpawnOptions } from "node:child_process";
import { ProviderError } from "./errors.ts";
import { LineTail } from "./line-tail.ts";
import { startTimer } from "./timers.ts";

export interface RunOptions {
  /** The text or bytes for standard input. Default: empty. */
  stdin?: string | Uint8Array | undefined;
  /** Variables that are added to the environment of this process. */
  env?: Record<string, string> | undefined;
  cwd?: string | undefined;
  /** The seconds after which the process group is killed. Default: never. */
  timeoutSeconds?: number | undefined;
  /** Kills the process group when it is aborted. */
  signal?: AbortSignal | undefined;
  /** The most bytes on standard output. More kills the process group and is an error. Default: 100 MiB. */
  maxOutputBytes?: number | undefined;
  /** Is called with each line of standard error as it arrives. */
  onStderrLine?: ((line: string) => void) | undefined;
  /** More file descriptors for the process, from 3 on. */
  inheritFds?: readonly number[] | undefined;
}

export interface RunResult {
  stdout: Buffer;
  /** The last lines of standard error. */
  stderrTail: string;
}

/** A process that did not end with exit code 0. */
class ProcessError extends ProviderError {
  override readonly name = "ProcessError";
  readonly exitCode: number | null;
  readonly stderrTail: string;

  constructor(message: string, exitCode: number | null, stderrTail: string) {
    super(
      stderrTail === "" ? message : `${message}\nIts last lines on standard error:\n${indent(stderrTail)}`,
    );
    this.exitCode = exitCode;
    this.stderrTail = stderrTail;
  }
}

const DEFAULT_MAX_OUTPUT_BYTES = 100 * 1024 * 1024;
const KILL_AFTER_MS = 1_000;
/** How long to wait for the last output after the process group was killed. */
const DRAIN_MS = 300;
const POLL_MS = 20;

/**
 * Runs a program in a process group of its own and returns its standard output. Throws a {@link ProcessError} for any
 * exit code but 0.
 */
export async function runProcess(
  executable: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const { stdin, signal, cwd, env, inheritFds = [] } = options;
  if (signal?.aborted === true) throw interrupted(executable, signal);
  const child = await startProcess(executable, args, {
    stdio: [stdin === undefined ? "ignore" : "pipe", "pipe", "pipe", ...inheritFds],
    detached: true,
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env: { ...process.env, ...env } }),
  });
  const ending = new AbortController();
  const stopWatching = watch(executable, options, ending);
  try {
    const stdout = collect(child, executable, options, ending);
    const tail = new LineTail((line) => {
      options.onStderrLine?.(line);
      return true;
    });
    child.stderr!.on("data", (chunk: Buffer) => tail.push(chunk));
    feed(child, stdin);
    const { exitCode, exitSignal } = await untilClosed(child, ending.signal);
    const stderrTail = tail.end();
    if (exitCode === 0) return { stdout: Buffer.concat(stdout), stderrTail };
    const end = exitCode === null ? `was killed by ${exitSignal}` : `failed with exit code: ${exitCode}`;
    throw new ProcessError(`${executable} ${end}`, exitCode, stderrTail);
  } finally {
    stopWatching();
  }
}

/**
 * Starts a program. Throws when it cannot be started, also for lack of descriptors or memory: `spawn` throws some of these
 * errors, emits others, and leaves out streams that it has no descriptors for.
 */
export async function startProcess(
  executable: string,
  args: readonly string[],
  options: SpawnOptions,
): Promise<ChildProcess> {
  const { spawn } = await import("node:child_process");
  try {
    const child = spawn(executable, args, options);
    await new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject));
    // Errors after the start, such as a failed kill, show in how the process ends.
    child.on("error", () => {});
    return child;
  } catch (cause) {
    const { startFailure } = await import("./start-failure.ts");
    const cwd = options.cwd === undefined ? undefined : String(options.cwd);
    throw await startFailure(executable, { cwd, path: (options.env ?? process.env)["PATH"] }, cause);
  }
}

/** Aborts `ending` when the caller's signal is aborted or the timeout is over. Returns a function that stops this. */
function watch(
  executable: string,
  { signal, timeoutSeconds }: RunOptions,
  ending: AbortController,
): () => void {
  const onAbort = () => ending.abort(interrupted(executable, signal!));
  signal?.addEventListener("abort", onAbort, { once: true });
  if (signal?.aborted === true) onAbort();
  const stopTimer =
    timeoutSeconds === undefined
      ? undefined
      : startTimer(timeoutSeconds, () => ending.abort(timedOut(executable, timeoutSeconds)));
  return () => {
    signal?.removeEventListener("abort", onAbort);
    stopTimer?.();
  };
}

/** Returns a list to which the chunks of standard output are added as they arrive. */
function collect(
  child: ChildProcess,
  executable: string,
  { maxOutputBytes = DEFAULT_MAX_OUTPUT_BYTES }: RunOptions,
  ending: AbortController,
): Buffer[] {
  const chunks: Buffer[] = [];
  let length = 0;
  child.stdout!.on("data", (chunk: Buffer) => {
    length += chunk.length;
    if (length <= maxOutputBytes) chunks.push(chunk);
    else ending.abort(tooMuch(executable, maxOutputBytes));
  });
  return chunks;
}

function feed({ stdin }: ChildProcess, input: RunOptions["stdin"]): void {
  if (input === undefined) return;
  // A program may exit before it has read all of its input. Its exit code says whether it failed.
  stdin!.on("error", () => {});
  stdin!.end(input);
}

/** Waits until the program has ended and its output was read, or until it was killed because the signal is aborted. */
async function untilClosed(
  child: ChildProcess,
  signal: AbortSignal,
): Promise<{ exitCode: number | null; exitSignal: string | null }> {
  const closed = new Promise<{ exitCode: number | null; exitSignal: string | null }>((resolve) => {
    child.on("close", (exitCode, exitSignal) => resolve({ exitCode, exitSignal }));
  });
  const aborted = new Promise<undefined>((resolve) => {
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
    if (signal.aborted) resolve(undefined);
  });
  const end = await Promise.race([closed, aborted]);
  if (end !== undefined) return end;
  await endGroup(child, closed);
  throw signal.reason;
}

/**
 * Kills the whole process group, also after its leader has ended. Does not wait for a process that has left the group and
 * keeps standard output open.
 */
async function endGroup(child: ChildProcess, closed: Promise<unknown>): Promise<void> {
  killGroup(child.pid!, "SIGTERM");
  const killAt = performance.now() + KILL_AFTER_MS;
  while (killGroup(child.pid!, 0) && performance.now() < killAt) await sleep(POLL_MS);
  killGroup(child.pid!, "SIGKILL");
  await Promise.race([closed, sleep(DRAIN_MS)]);
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy();
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function timedOut(executable: string, seconds: number): Error {
  return new ProviderError(`${executable} did not finish within ${seconds} s and was ended`);
}

function tooMuch(executable: string, maxBytes: number): Error {
  const limit = maxBytes % 2 ** 20 === 0 ? `${maxBytes / 2 ** 20} MiB` : `${maxBytes} bytes`;
  return new ProviderError(`${executable} printed more than ${limit} and was ended`, {
    hint: "Let it print less, or write to a file.",
  });
}

function interrupted(executable: string, signal: AbortSignal): Error {
  return new ProviderError(`${executable} was interrupted`, { cause: signal.reason });
}

/** Returns whether the process group exists. */
function killGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, signal);
  } catch (error) {
    // Its processes may have changed to another user.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function indent(text: string): string {
  return text.replace(/^/gm, "  ");
}
