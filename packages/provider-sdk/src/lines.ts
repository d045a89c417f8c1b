import { isUtf8 } from "node:buffer";
import { LineSplitter, type RawLine } from "./line-splitter.ts";

/** The longest request line that is accepted, in bytes. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;

/** A line, or the reason why it is refused. */
export type Line = { text: string } | { problem: string };

const CHUNK_BYTES = 64 * 1024;

/** Yields the lines that `read` delivers, without blank ones. `read` fills a buffer and returns the number of bytes, 0 at the end. */
export async function* readLines(
  read: (buffer: Buffer) => Promise<number>,
  maxBytes: number = MAX_LINE_BYTES,
): AsyncGenerator<Line> {
  const splitter = new LineSplitter(maxBytes);
  for (;;) {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    const bytes = await read(buffer);
    if (bytes === 0) break;
    for (const line of splitter.push(buffer.subarray(0, bytes))) yield* decode(line, maxBytes);
  }
  const last = splitter.end();
  if (last !== undefined) yield* decode(last, maxBytes);
}

function* decode({ bytes, content }: RawLine, maxBytes: number): Generator<Line> {
  if (bytes > maxBytes) return yield { problem: `has ${bytes} bytes; at most ${maxBytes} are accepted` };
  // Node would replace invalid bytes.
  if (!isUtf8(content)) return yield { problem: "is not UTF-8" };
  const text = content.toString("utf8");
  if (text.trim() !== "") yield { text };
}
