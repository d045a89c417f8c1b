import { LineTail } from "@nixops4-providers/provider-sdk";
import type { Marks } from "./protocol.ts";

/** How many lines that the host prints before the script are kept. */
const MAX_NOISE_LINES = 20;

/** Parses the standard error of a session. Only the text between the marks belongs to the script. */
export class ErrorReader {
  /** Whether the mark at the end has arrived. */
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

  /** Takes all further text as the script's, since it has no marks. */
  begin(): void {
    this.#began = true;
  }

  /** The last lines of the script's standard error. */
  end(): string {
    return this.#tail.end();
  }

  /** The text that the host printed before the script ran. */
  get said(): string {
    return this.#noise.join("\n");
  }

  #take(line: string): boolean {
    // A start file may run a shell that runs the line, and then run the line once more.
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
