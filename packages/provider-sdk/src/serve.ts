import { read, readSync, writeSync } from "node:fs";
import { stringifyJson } from "@nixops4-providers/json";
import { answer } from "./dispatch.ts";
import { ProviderError } from "./errors.ts";
import { MAX_LINE_BYTES, readLines, type Line } from "./lines.ts";
import type { Response } from "./protocol.ts";
import type { Provider } from "./resource.ts";

const ABORT_GRACE_MS = 1_800;
const PARENT_CHECK_MS = 1_000;
/** How long to wait for a pipe that the other end has made non-blocking. */
const RETRY_MS = 5;
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
  const interrupts = new Interrupts();
  for await (const line of readLines((buffer) => readStdin(buffer, interrupts))) {
    const signal = interrupts.beginWork();
    send("text" in line ? await answer(provider, line.text, signal) : tooLong(line));
    if (signal.aborted) break;
    interrupts.endWork();
  }
  // Not by itself: a library may have left a socket or a timer behind.
  process.exit();
}

type Signal = keyof typeof EXIT_CODES;

/**
 * SIGINT and SIGTERM abort the work in hand, whose answer is still sent; between requests they end the process. So does
 * the end of the process that started this one: otherwise two would work beside each other after the next apply.
 */
class Interrupts {
  readonly #parent = process.ppid;
  #work: AbortController | undefined;
  installed = false;

  beginWork(): AbortSignal {
    if (!this.installed) {
      for (const signal of Object.keys(EXIT_CODES) as Signal[]) {
        process.on(signal, () => this.#stop(signal, `interrupted by ${signal}`));
      }
      process.on("uncaughtException", (error) => this.#fail(error));
      setInterval(() => {
        if (process.ppid === this.#parent) return;
        this.#stop("SIGTERM", "the process that asked for this has ended");
      }, PARENT_CHECK_MS).unref();
      this.installed = true;
    }
    this.#work = new AbortController();
    return this.#work.signal;
  }

  endWork(): void {
    this.#work = undefined;
  }

  #stop(signal: Signal, reason: string): void {
    if (this.#work === undefined) return endBy(signal);
    process.exitCode = EXIT_CODES[signal];
    if (this.#work.signal.aborted) process.exit();
    this.#work.abort(new ProviderError(reason));
    setTimeout(() => process.exit(), ABORT_GRACE_MS);
  }

  #fail({ message }: Error): void {
    if (this.#work === undefined) {
      process.stderr.write(`internal error: ${message}\n`);
      return endBy("SIGTERM");
    }
    send({ errorResponse: { message: `internal error: ${message}` } });
    process.exit(1);
  }
}

/** By a signal's default action: process.exit would wait for the read that is going on. */
function endBy(signal: Signal): void {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}

function tooLong({ tooLongBytes }: Extract<Line, { tooLongBytes: number }>): Response {
  const message = `the request line has ${tooLongBytes} bytes; at most ${MAX_LINE_BYTES} are accepted`;
  return { errorResponse: { message } };
}

/**
 * Blocks until the first request, when there is nothing yet that a signal could interrupt: to open standard input
 * as a stream would add a fifth to the start-up time of Node.
 */
async function readStdin(buffer: Buffer, interrupts: Interrupts): Promise<number> {
  if (!interrupts.installed) return retrying(() => readSync(0, buffer));
  for (;;) {
    const bytes = await new Promise<number | undefined>((resolve, reject) => {
      read(0, buffer, 0, buffer.length, null, (error, count) => {
        if (error === null) resolve(count);
        else if (error.code === "EAGAIN") setTimeout(resolve, RETRY_MS, undefined);
        else reject(error);
      });
    });
    if (bytes !== undefined) return bytes;
  }
}

function send(response: Response): void {
  const bytes = Buffer.from(`${stringifyJson(response)}\n`);
  try {
    for (let sent = 0; sent < bytes.length;) sent += retrying(() => writeSync(1, bytes, sent));
  } catch (error) {
    // Whoever reads the answers is gone: there is nobody left to work for or to complain to.
    if ((error as NodeJS.ErrnoException).code === "EPIPE") process.exit(0);
    throw error;
  }
}

function retrying(call: () => number): number {
  for (;;) {
    try {
      return call();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
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
