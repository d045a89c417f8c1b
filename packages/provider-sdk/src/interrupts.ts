import { readFileSync } from "node:fs";
import { ProviderError } from "./errors.ts";
import { send } from "./send.ts";

const ABORT_GRACE_MS = 1_800;
const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

type Signal = (typeof STOP_SIGNALS)[number];

/**
 * Handles the signals that end a process. The first one aborts the running request, whose answer is still sent. A second
 * one, or one between requests, ends the process. The end of nixops4 aborts nothing: nixops4 exits at the first failure,
 * and the other providers must finish their work, such as an activation that is not yet confirmed.
 */
export class Interrupts {
  #work: AbortController | undefined;
  #handlers = STOP_SIGNALS.map((signal) => [signal, () => this.#stop(signal)] as const);
  /** Whether a request has been handled. */
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

  /** Restores the default action of signals, since the reader of an answer may not read. */
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

/** Returns whether nixops4 was started by `nohup`. Node resets the ignored signals when it starts, so its parent is asked. */
function isIgnoredByParent(signal: number): boolean {
  try {
    const status = readFileSync(`/proc/${process.ppid}/status`, "latin1");
    const ignored = BigInt(`0x${/^SigIgn:\s*(\w+)/m.exec(status)?.[1] ?? "0"}`);
    return ((ignored >> BigInt(signal - 1)) & 1n) === 1n;
  } catch {
    return false;
  }
}

/** Ends the process by the signal's default action, since process.exit waits for each pending open and read. */
export function endBy(signal: Signal): void {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}
