import { Readable } from "node:stream";
import { startTimer } from "@nixops4-providers/provider-sdk";
import type { ClientChannel } from "ssh2";

import type { Link } from "../link.ts";
import { ErrorReader } from "./error-reader.ts";
import { explainNotRun } from "./explain.ts";
import { OutputReader } from "./output-reader.ts";
import { type Job, loginLine, type Marks, preamble } from "./protocol.ts";
import { ScriptError, type ScriptFailure } from "./script-error.ts";

export interface RemoteJob extends Job {
  /** The action of the script for errors, such as `write the file /etc/motd`. */
  doing: string;
  stdin?: string | Uint8Array | Readable | undefined;
  onStderrLine?: ((line: string) => void) | undefined;
  maxOutputBytes: number;
}

/** How long the login shell may take to start: its start files may be slow. */
const MAX_START_SECONDS = 60;

/** How long to wait after the timeout for the watchdog on the host, which ends the script. */
const GRACE_SECONDS = 4;

/** How long to wait after the end of a script for its last output, and then for the end of the channel. */
const AFTERMATH_SECONDS = 1;
const CLOSE_SECONDS = 0.1;

/** Runs a script over an open channel. */
export class RemoteScript {
  readonly #link: Link;
  readonly #channel: ClientChannel;
  readonly #marks: Marks;
  readonly #job: RemoteJob;
  readonly #stdout: OutputReader;
  readonly #stderr: ErrorReader;
  readonly #output: Buffer[] = [];
  readonly #timers: (() => void)[] = [];
  #outputBytes = 0;
  #sshEnd = "the channel was closed";
  #sentAt = Infinity;
  #overdue = false;
  #failure: ScriptError | undefined;
  #settle: () => void;
  readonly #settled: Promise<void>;

  constructor(link: Link, channel: ClientChannel, marks: Marks, job: RemoteJob) {
    this.#link = link;
    this.#channel = channel;
    this.#marks = marks;
    this.#job = job;
    this.#stdout = new OutputReader(marks, {
      stream: job.stream,
      onOutput: (bytes) => this.#takeOutput(bytes),
    });
    this.#stderr = new ErrorReader(marks, job.onStderrLine);
    channel.on("exit", (code: number | null, signal?: string) => {
      this.#sshEnd = code === null ? `killed by ${signal ?? "a signal"}` : `exit code ${code}`;
    });
    this.#settle = () => {};
    this.#settled = new Promise((resolve) => (this.#settle = resolve));
    channel.on("close", this.#settle).on("error", () => {});
    if (!job.stream) channel.on("data", (chunk: Buffer) => this.#take(chunk));
    channel.stderr.on("data", (chunk: Buffer) => {
      this.#stderr.push(chunk);
      this.#noticeEnd();
    });
    // This line is harmless if a start file reads it, or another shell runs it.
    channel.write(`${loginLine(marks)}\n`);
  }

  /** Waits until the script has ended and returns its output. */
  async result(signal: AbortSignal): Promise<{ stdout: Buffer; stderrTail: string }> {
    await this.#end(signal);
    const stderrTail = this.#stderr.end();
    if (this.#job.stdin instanceof Readable) this.#job.stdin.destroy();
    // A process that the script has left running may hold the channel open.
    this.#channel.close();
    this.#requireEnd(stderrTail);
    return { stdout: Buffer.concat(this.#output), stderrTail };
  }

  /** Returns the channel once the script runs. From then on it carries only the script's input and output. */
  async stream(signal: AbortSignal): Promise<ClientChannel> {
    const read = () => {
      while (this.#stdout.phase !== "running") {
        const chunk = this.#channel.read() as Buffer | null;
        if (chunk === null) return;
        this.#take(chunk);
      }
      this.#channel.off("readable", read);
      this.#settle();
    };
    this.#channel.on("readable", read);
    await this.#end(signal);
    if (this.#stdout.phase !== "running" || this.#failure !== undefined) {
      this.#channel.close();
      this.#requireEnd(this.#stderr.end());
    }
    if (this.#stdout.rest.length > 0) this.#channel.unshift(this.#stdout.rest);
    return this.#channel;
  }

  async #end(signal: AbortSignal): Promise<void> {
    const onAbort = () => {
      this.#fail("interrupted", "it was interrupted", { cause: signal.reason });
      // The watchdog on the host ends the script once the connection is gone.
      this.#link.end();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    const { timeoutSeconds } = this.#link.endpoint;
    const startSeconds = Math.max(timeoutSeconds, Math.min(this.#job.timeoutSeconds, MAX_START_SECONDS));
    this.#after(startSeconds, () => {
      if (this.#stdout.phase === "greeting") this.#failToRun(`nothing within ${startSeconds} s`);
    });
    await this.#settled;
    signal.removeEventListener("abort", onAbort);
    for (const stop of this.#timers) stop();
  }

  #take(chunk: Buffer): void {
    const before = this.#stdout.phase;
    this.#stdout.push(chunk);
    const { phase, joined, refusal } = this.#stdout;
    if (before === "greeting" && phase !== "greeting" && phase !== "refused") this.#send();
    if (phase === "ended" && joined) {
      this.#stderr.push(this.#stdout.rest);
      this.#stdout.rest = Buffer.alloc(0);
    }
    if (refusal !== undefined) this.#failToRun();
    if (before !== "ended" && phase === "ended") {
      this.#overdue = performance.now() - this.#sentAt >= this.#job.timeoutSeconds * 1000;
      this.#after(AFTERMATH_SECONDS, this.#settle);
    }
    this.#noticeEnd();
  }

  #send(): void {
    const { stdin, timeoutSeconds, stream } = this.#job;
    const { joined } = this.#stdout;
    if (joined) this.#stderr.begin();
    // Taken before the script is sent, and so before the watchdog on the host starts.
    this.#sentAt = performance.now();
    this.#channel.write(preamble(this.#marks, this.#job, joined));
    if (stream) return;
    this.#after(timeoutSeconds + GRACE_SECONDS, () =>
      this.#fail("timeout", `it did not finish within ${timeoutSeconds} s and could not be ended`, {
        hint: "It may still be running.",
      }),
    );
    if (stdin instanceof Readable) {
      stdin.on("error", (cause) => this.#fail("input", "what was to be sent could not be read", { cause }));
      stdin.pipe(this.#channel);
    } else {
      this.#channel.end(stdin);
    }
  }

  /** Stops waiting when the script has ended: a process that it started may hold the channel open. */
  #noticeEnd(): void {
    if (this.#stdout.phase === "ended" && this.#stderr.ended) this.#after(CLOSE_SECONDS, this.#settle);
  }

  #takeOutput(bytes: Buffer): void {
    const { maxOutputBytes } = this.#job;
    this.#outputBytes += bytes.length;
    if (this.#outputBytes <= maxOutputBytes) this.#output.push(bytes);
    else this.#fail("too-much-output", `it printed more than ${maxOutputBytes} bytes`);
  }

  #requireEnd(stderrTail: string): void {
    if (this.#failure !== undefined) throw this.#failure;
    const { phase, exitCode } = this.#stdout;
    if (
      phase === "running" ||
      (phase !== "ended" && exitCode === undefined && this.#link.lost !== undefined)
    ) {
      throw this.#error("lost", `the connection was lost while a command ran`, {
        cause: this.#link.lost ?? new Error("the host closed it and gave no reason"),
        hint: "Whether the command finished is not known.",
      });
    }
    if (phase !== "ended")
      throw this.#notRun(exitCode === undefined ? this.#sshEnd : `exit code ${exitCode}`);
    if (exitCode === 0) return;
    if (this.#overdue) {
      throw this.#error("timeout", `it did not finish within ${this.#job.timeoutSeconds} s and was ended`);
    }
    const why = stderrTail === "" ? `it failed with exit code: ${exitCode}` : stderrTail;
    throw this.#error("exit-code", why, { exitCode, stderrTail });
  }

  #failToRun(end = this.#sshEnd): void {
    this.#failure ??= this.#notRun(end);
    this.#settle();
  }

  #notRun(end: string): ScriptError {
    const { phase, refusal, said } = this.#stdout;
    const { why, hint } = explainNotRun({
      link: this.#link,
      sudo: this.#job.sudo,
      refusal,
      greeted: phase !== "greeting" && refusal === undefined,
      said: [said, this.#stderr.said, this.#stderr.end()].filter((text) => text !== "").join("\n"),
      end,
    });
    return this.#error("not-run", why, { hint });
  }

  #fail(reason: ScriptFailure, why: string, details: { cause?: unknown; hint?: string } = {}): void {
    this.#failure ??= this.#error(reason, why, details);
    this.#settle();
  }

  #error(
    reason: ScriptFailure,
    why: string,
    details: { cause?: unknown; hint?: string; exitCode?: number; stderrTail?: string } = {},
  ): ScriptError {
    const what = `cannot ${this.#job.doing} on ${this.#link.endpoint.label}`;
    return new ScriptError(`${what}: ${why}`, { reason, ...details });
  }

  #after(seconds: number, act: () => void): void {
    this.#timers.push(startTimer(seconds, act));
  }
}
