import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

type Reply = { return: unknown } | { error: { desc: string } };

export interface QmpEvent {
  event: string;
  data?: Record<string, unknown>;
}

/** A client of QEMU's machine protocol (https://qemu-project.gitlab.io/qemu/interop/qmp-spec.html). */
export class QmpClient {
  readonly #input: Writable;
  readonly #waiting: { resolve: (value: unknown) => void; reject: (error: Error) => void }[] = [];
  readonly #onEvent: (event: QmpEvent) => void;
  #closed = false;

  constructor(input: Writable, output: Readable, onEvent: (event: QmpEvent) => void) {
    this.#onEvent = onEvent;
    this.#input = input.on("error", () => {});
    const lines = createInterface({ input: output });
    lines.on("line", (line) => this.#receive(JSON.parse(line) as object));
    lines.on("close", () => this.#close());
  }

  /** Runs a command; the first one must be `qmp_capabilities`. Fails when QEMU refuses the command or exits. */
  execute(command: string, parameters: Record<string, unknown> = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      if (this.#closed) this.#close();
      else this.#input.write(`${JSON.stringify({ execute: command, arguments: parameters })}\n`);
    });
  }

  #receive(message: object): void {
    if ("event" in message) return this.#onEvent(message as QmpEvent);
    if (!("return" in message || "error" in message)) return; // The greeting.
    const reply = message as Reply;
    const command = this.#waiting.shift();
    if ("error" in reply) command?.reject(new Error(`QEMU: ${reply.error.desc}`));
    else command?.resolve(reply.return);
  }

  #close(): void {
    this.#closed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(new Error("QEMU has ended"));
  }
}
