/**
 * Cuts a stream of bytes at line feeds alone. (`node:readline` also cuts at U+2028, which may stand
 * unescaped in JSON.)
 */
export class LineSplitter {
  readonly #onLine: (line: string) => void;
  #parts: Buffer[] = [];

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      this.#parts.push(chunk.subarray(start, end));
      this.#emit();
      start = end + 1;
    }
    if (start < chunk.length) this.#parts.push(chunk.subarray(start));
  }

  /** Emits what follows the last line feed, if anything. */
  end(): void {
    if (this.#parts.length > 0) this.#emit();
  }

  #emit(): void {
    const line = Buffer.concat(this.#parts).toString("utf8");
    this.#parts = [];
    this.#onLine(line);
  }
}
