const MAX_LINES = 20;
const MAX_LINE_LENGTH = 2_000;
const MAX_BUFFERED = 64 * 1024;

/** Splits a stream into lines and keeps the last of those that `accept` returns `true` for. */
export class LineTail {
  readonly #accept: (line: string) => boolean;
  #decoder = new TextDecoder();
  #rest = "";
  #lines: string[] = [];

  constructor(accept: (line: string) => boolean) {
    this.#accept = accept;
  }

  push(chunk: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split("\n");
    this.#rest = lines.pop()!;
    if (this.#rest.length > MAX_BUFFERED) {
      lines.push(this.#rest);
      this.#rest = "";
    }
    for (const line of lines) this.#take(line);
  }

  end(): string {
    this.#rest += this.#decoder.decode();
    if (this.#rest !== "") this.#take(this.#rest);
    this.#rest = "";
    return this.#lines.join("\n");
  }

  #take(line: string): void {
    if (!this.#accept(line)) return;
    this.#lines.push(line.slice(0, MAX_LINE_LENGTH));
    if (this.#lines.length > MAX_LINES) this.#lines.shift();
  }
}
