import { ProviderError } from "./errors.ts";
import { LineTail } from "./line-tail.ts";

export interface RunOptions {
  /** Written to standard input, which is then closed; without it standard input is empty. */
  stdin?: string | Uint8Array | undefined;
  /** Added to the environment of this process. */
  env?: Record<string, string> | undefined;
  cwd?: string | undefined;
  /** The process group is ended after this many seconds; without it, never. */
  timeoutSeconds?: number | undefined;
  /** Ends the process group as the timeout does. */
  signal?: AbortSignal | undefined;
  /** Called with each line of standard error as it comes. */
  onStderrLine?: ((line: string) => void) | undefined;
  /** Further file descriptors for the process: the first becomes 3. */
  inheritFds?: readonly number[] | undefined;
}

export interface RunResult {
  stdout: Buffer;
  /** The last lines of standard error. */
  stderrTail: string;
}

/** A process that did not end with exit code 0. */
class ProcessError extends ProviderError {
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

const KILL_AFTER_MS = 1_000;

/**
 * Runs a program in a process group of its own, feeds and reads it at the same time, and returns its standard
 * output. Anything but exit code 0 is a {@link ProcessError}.
 */
export async function runProcess(
  executable: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const { spawn } = await import("node:child_process");
  const { stdin, signal, timeoutSeconds, onStderrLine } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(interrupted(executable, signal));
    const child = spawn(executable, args, {
      stdio: [stdin === undefined ? "ignore" : "pipe", "pipe", "pipe", ...(options.inheritFds ?? [])],
      detached: true,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.env === undefined ? {} : { env: { ...process.env, ...options.env } }),
    });
    let stopped: Error | undefined;
    const timers: NodeJS.Timeout[] = [];
    const stop = (reason: Error) => {
      stopped ??= reason;
      killGroup(child.pid, "SIGTERM");
      timers.push(setTimeout(() => killGroup(child.pid, "SIGKILL"), KILL_AFTER_MS));
    };
    const onAbort = () => stop(interrupted(executable, signal!));
    signal?.addEventListener("abort", onAbort, { once: true });
    if (timeoutSeconds !== undefined) {
      const timeout = new ProviderError(
        `${executable} did not finish within ${timeoutSeconds} s and was ended`,
      );
      timers.push(setTimeout(() => stop(timeout), timeoutSeconds * 1000));
    }
    const cleanUp = () => {
      signal?.removeEventListener("abort", onAbort);
      for (const timer of timers) clearTimeout(timer);
    };

    const stdout: Buffer[] = [];
    child.stdout!.on("data", (chunk: Buffer) => stdout.push(chunk));
    const tail = new LineTail((line) => {
      onStderrLine?.(line);
      return true;
    });
    child.stderr!.on("data", (chunk: Buffer) => tail.push(chunk));
    if (stdin !== undefined) {
      // A program may end without reading all of its input: its exit code tells whether that was right.
      child.stdin!.on("error", () => {});
      child.stdin!.end(stdin);
    }
    child.on("error", (cause) => {
      cleanUp();
      reject(new ProviderError(`cannot run ${executable}`, { cause }));
    });
    child.on("close", (exitCode, exitSignal) => {
      cleanUp();
      const stderrTail = tail.end();
      if (stopped !== undefined) reject(stopped);
      else if (exitCode === 0) resolve({ stdout: Buffer.concat(stdout), stderrTail });
      else {
        const end = exitCode === null ? `was killed by ${exitSignal}` : `failed with exit code: ${exitCode}`;
        reject(new ProcessError(`${executable} ${end}`, exitCode, stderrTail));
      }
    });
  });
}

function interrupted(executable: string, signal: AbortSignal): Error {
  return new ProviderError(`${executable} was interrupted`, { cause: signal.reason });
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone.
  }
}

function indent(text: string): string {
  return text.replace(/^/gm, "  ");
}
