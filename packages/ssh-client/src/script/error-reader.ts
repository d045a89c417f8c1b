import { LineTail } from "@nixops4-providers/provider-sdk";
import type { Marks } from "./protocol.ts";

/** So many lines that a host says before the script runs are kept. */
const MAX_NOISE_LINES = 20;

/** Takes what a host sends on standard error apart: only what stands between the marks is the script's. */
export class ErrorReader {
  /** Whether all of it has come. */
  ended = false;
  readonly #marks: Marks;
  readonly #onLine: ((line: string) => void) | undefined;
  readonly #noise: string[] = [];
  readonly #tail = new LineTail((line) => this.#take(line));
  #began = false;

  constructor(marks: Marks, onLine: ((line: string) => void) | undefined) {
    this.#marks = marks;
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    this.#tail.push(chunk);
  }

  /** From now on all is the script's: it comes without marks. */
  begin(): void {
    this.#began = true;
  }

  /** The last lines of the script's standard error. */
  end(): string {
    return this.#tail.end();
  }

  /** What the host said before the script ran. */
  get said(): string {
    return this.#noise.join("\n");
  }

  #take(line: string): boolean {
    // A start file may run a shell that runs our line, and go on to run it once more.
    if (this.ended) return false;
    if (!this.#began) {
      this.#began = line.endsWith(this.#marks.mark);
      if (!this.#began && this.#noise.length < MAX_NOISE_LINES) this.#noise.push(line);
      return false;
    }
    if (line.endsWith(this.#marks.secret)) {
      this.ended = true;
      return false;
    }
    this.#onLine?.(line);
    return true;
  }
}
