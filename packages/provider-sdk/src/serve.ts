import { fstatSync, read, readFileSync, readSync } from "node:fs";
import { stringifyJson } from "@nixops4-providers/json";
import { answer } from "./dispatch.ts";
import { ProviderError } from "./errors.ts";
import { readLines } from "./lines.ts";
import type { Response } from "./protocol.ts";
import type { Provider } from "./resource.ts";
import { claimStandardStreams } from "./standard-error.ts";
import { retrying, writeAll } from "./write-all.ts";

const ABORT_GRACE_MS = 1_800;
/** How long to wait for a pipe that the other end has made non-blocking. */
const RETRY_MS = 5;
const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

/**
 * Serves nixops4's requests from standard input until it ends, one after another. Takes standard output for
 * the answers alone: whatever else is printed goes to standard error.
 */
export function serve(provider: Provider): void {
  if (process.argv.length > 2)
    return void import("./usage.ts").then(({ answerArguments }) => answerArguments(provider));
  claimStandardStreams();
  void serveRequests(provider);
}

async function serveRequests(provider: Provider): Promise<void> {
  const interrupts = new Interrupts();
  // A terminal is one, as is /dev/null.
  if (fstatSync(0).isCharacterDevice()) (await import("./usage.ts")).greetPerson(provider);
  for await (const line of readLines((buffer) => readStdin(buffer, interrupts))) {
    const signal = interrupts.beginWork();
    const response = "text" in line ? await answer(provider, line.text, signal) : refusal(line.problem);
    interrupts.endWork();
    send(response);
    if (interrupts.stoppedBy !== undefined) return endBy(interrupts.stoppedBy);
  }
  // Not by itself: a library may have left a socket or a timer behind.
  process.exit();
}

type Signal = (typeof STOP_SIGNALS)[number];

/**
 * A signal aborts the work in hand, whose answer is still sent; a second one, or one between requests, ends the process.
 * The end of nixops4 aborts nothing: it exits at the first failure, and what other providers have begun must come to
 * its end, as an activation that has yet to be confirmed.
 */
class Interrupts {
  #work: AbortController | undefined;
  #handlers = STOP_SIGNALS.map((signal) => [signal, () => this.#stop(signal)] as const);
  /** Whether there has been work. */
  begun = false;
  stoppedBy: Signal | undefined;

  beginWork(): AbortSignal {
    if (!this.begun) this.#begin();
    for (const [signal, handler] of this.#handlers) process.on(signal, handler);
    this.#work = new AbortController();
    return this.#work.signal;
  }

  #begin(): void {
    this.begun = true;
    process.on("uncaughtException", (error) => this.#fail(error));
    if (!isIgnoredByParent(HANGUP)) return;
    process.on("SIGHUP", () => {});
    this.#handlers = this.#handlers.filter(([signal]) => signal !== "SIGHUP");
  }

  /** From here on signals have their default action: an answer may be waiting for a reader that does not read. */
  endWork(): void {
    for (const [signal, handler] of this.#handlers) process.off(signal, handler);
    this.#work = undefined;
  }

  #stop(signal: Signal): void {
    if (this.stoppedBy !== undefined) return endBy(signal);
    this.stoppedBy = signal;
    const reason = `interrupted by ${signal}`;
    this.#work?.abort(new ProviderError(reason));
    setTimeout(() => {
      this.endWork();
      send({ errorResponse: { message: `${reason}, but did not stop in time` } });
      endBy(signal);
    }, ABORT_GRACE_MS);
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

const HANGUP = 1;

/** Whether nixops4 was started by `nohup`: Node itself resets at its start what it inherits of that. */
function isIgnoredByParent(signal: number): boolean {
  try {
    const status = readFileSync(`/proc/${process.ppid}/status`, "latin1");
    const ignored = BigInt(`0x${/^SigIgn:\s*(\w+)/m.exec(status)?.[1] ?? "0"}`);
    return ((ignored >> BigInt(signal - 1)) & 1n) === 1n;
  } catch {
    return false;
  }
}

/** By a signal's default action: process.exit would wait for every open and read that is going on. */
function endBy(signal: Signal): void {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}

function refusal(problem: string): Response {
  return { errorResponse: { message: `the request line ${problem}` } };
}

/**
 * Blocks until the first request, when there is nothing yet that a signal could interrupt: to open standard input
 * as a stream would add a fifth to the start-up time of Node.
 */
async function readStdin(buffer: Buffer, interrupts: Interrupts): Promise<number> {
  if (!interrupts.begun) return retrying(() => readSync(0, buffer));
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
  const bytes = encode(response);
  try {
    writeAll(1, bytes);
  } catch (error) {
    // The reader of the answers is gone: there is nobody left to work for or to complain to.
    if ((error as NodeJS.ErrnoException).code === "EPIPE") process.exit(0);
    throw error;
  }
}

function encode(response: Response): Buffer {
  try {
    return Buffer.from(`${stringifyJson(response)}\n`);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    // What takes 100 MiB in memory may take six times that as JSON, which is more than a string can have.
    return encode({ errorResponse: { message: "the answer is too long: as JSON it has over 512 MiB" } });
  }
}
