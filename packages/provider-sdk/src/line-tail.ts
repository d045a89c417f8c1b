import { LineSplitter, type RawLine } from "./line-splitter.ts";

const MAX_LINES = 20;
const MAX_LINE_LENGTH = 2_000;
const MAX_LINE_BYTES = 64 * 1024;

/** Splits a stream into lines and keeps the last 20 of those that `accept` returns `true` for, 2,000 characters of each. */
export class LineTail {
  readonly #accept: (line: string) => boolean;
  readonly #splitter = new LineSplitter(MAX_LINE_BYTES);
  #lines: string[] = [];

  constructor(accept: (line: string) => boolean) {
    this.#accept = accept;
  }

  push(chunk: Uint8Array): void {
    for (const line of this.#splitter.push(chunk)) this.#take(line);
  }

  /** Returns the lines that were kept. */
  end(): string {
    const last = this.#splitter.end();
    if (last !== undefined) this.#take(last);
    return this.#lines.join("\n");
  }

  #take({ content }: RawLine): void {
    const line = content.toString("utf8");
    if (!this.#accept(line)) return;
    this.#lines.push(line.slice(0, MAX_LINE_LENGTH));
    if (this.#lines.length > MAX_LINES) this.#lines.shift();
  }
}
