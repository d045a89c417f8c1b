import { readSync, writeSync } from "node:fs";
import { answer } from "./dispatch.ts";
import { ProviderError } from "./errors.ts";
import { MAX_LINE_BYTES, readLines, type Line } from "./lines.ts";
import type { Response } from "./protocol.ts";
import type { Provider } from "./resource.ts";

const ABORT_GRACE_MS = 1_800;
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 };

/**
 * Serves nixops4's requests from standard input until it ends, one after another. Takes standard output for
 * the answers alone: whatever else is printed goes to standard error.
 */
export function serve(provider: Provider): void {
  if (process.argv.length > 2) return printUsage(provider);
  Object.defineProperty(process, "stdout", { configurable: true, get: () => process.stderr });
  void serveRequests(provider);
}

async function serveRequests(provider: Provider): Promise<void> {
  // Blocking reads: between requests there is nothing to do, and nothing to clean up for a signal that comes
  // then. Opening standard input as a stream would add a fifth to the start-up time of Node.
  for (const line of readLines(readStdin)) {
    const interrupts = catchInterrupts();
    send("text" in line ? await answer(provider, line.text, interrupts.signal) : tooLong(line));
    if (interrupts.signal.aborted) process.exit();
    interrupts.release();
  }
  // Not by itself: a library may have left a socket or a timer behind.
  process.exit();
}

/** While work is in hand, SIGINT and SIGTERM abort it; its answer is still sent. */
function catchInterrupts(): { signal: AbortSignal; release(): void } {
  const abort = new AbortController();
  const stop = (signal: "SIGINT" | "SIGTERM") => {
    process.exitCode = EXIT_CODES[signal];
    if (abort.signal.aborted) process.exit();
    abort.abort(new ProviderError(`interrupted by ${signal}`));
    setTimeout(() => process.exit(), ABORT_GRACE_MS);
  };
  process.on("SIGINT", stop).on("SIGTERM", stop).on("uncaughtException", failUnexpectedly);
  return {
    signal: abort.signal,
    release: () =>
      process.off("SIGINT", stop).off("SIGTERM", stop).off("uncaughtException", failUnexpectedly),
  };
}

function failUnexpectedly(error: Error): void {
  send({ errorResponse: { message: `internal error: ${error.message}` } });
  process.exit(1);
}

function tooLong({ tooLongBytes }: Extract<Line, { tooLongBytes: number }>): Response {
  const message = `the request line has ${tooLongBytes} bytes; at most ${MAX_LINE_BYTES} are accepted`;
  return { errorResponse: { message } };
}

function readStdin(buffer: Buffer): number {
  return retrying(() => readSync(0, buffer));
}

function send(response: Response): void {
  const bytes = Buffer.from(`${JSON.stringify(response)}\n`);
  try {
    for (let sent = 0; sent < bytes.length;) sent += retrying(() => writeSync(1, bytes, sent));
  } catch (error) {
    // Whoever reads the answers is gone: there is nobody left to work for or to complain to.
    if ((error as NodeJS.ErrnoException).code === "EPIPE") process.exit(0);
    throw error;
  }
}

/** The other end may have made the pipe non-blocking for both. */
function retrying(call: () => number): number {
  for (;;) {
    try {
      return call();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

function printUsage({ executable, name, description, resources }: Provider): void {
  const help = process.argv[2] === "--help";
  const lines = [
    `${executable}: the ${name} resource provider for NixOps4`,
    description,
    "It is run by nixops4, reads requests from standard input and takes no arguments. Resource types:",
    ...resources.map((resource) => `  ${resource.type}`),
  ];
  (help ? process.stdout : process.stderr).write(`${lines.join("\n")}\n`);
  process.exitCode = help ? 0 : 2;
}
