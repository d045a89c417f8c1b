/** A line without its line feed. `bytes` is its whole length; `content` holds at most the first `maxBytes` of it. */
export interface RawLine {
  bytes: number;
  content: Buffer;
}

/** Splits a stream of bytes at line feeds only: `node:readline` also splits at U+2028, which JSON may contain unescaped. */
export class LineSplitter {
  readonly #maxBytes: number;
  #parts: Uint8Array[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Yields the lines that this chunk ends. */
  *push(chunk: Uint8Array): Generator<RawLine> {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      this.#add(chunk.subarray(start, end));
      yield this.#take();
      start = end + 1;
    }
    this.#add(chunk.subarray(start));
  }

  /** Returns the line that had no line feed, if there is one. */
  end(): RawLine | undefined {
    return this.#bytes === 0 ? undefined : this.#take();
  }

  #add(part: Uint8Array): void {
    const room = Math.max(0, this.#maxBytes - this.#bytes);
    this.#bytes += part.length;
    if (room > 0) this.#parts.push(part.subarray(0, room));
  }

  #take(): RawLine {
    const line = { bytes: this.#bytes, content: Buffer.concat(this.#parts) };
    this.#parts = [];
    this.#bytes = 0;
    return line;
  }
}
