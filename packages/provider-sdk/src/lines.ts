import { isUtf8 } from "node:buffer";

/** The longest request line that is accepted, in bytes. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;

/** A line, or what is wrong with it. */
export type Line = { text: string } | { problem: string };

const CHUNK_BYTES = 64 * 1024;

/**
 * Splits what `read` delivers into lines, blank ones left out. `read` fills a buffer and returns the number of
 * bytes, 0 at the end. A line that is too long is dropped while it is read.
 */
export async function* readLines(
  read: (buffer: Buffer) => Promise<number>,
  maxBytes: number = MAX_LINE_BYTES,
): AsyncGenerator<Line> {
  let parts: Buffer[] = [];
  let length = 0;
  const add = (part: Buffer) => {
    length += part.length;
    if (length <= maxBytes) parts.push(part);
    else parts = [];
  };
  const take = (): Line | undefined => {
    const bytes = length;
    const whole = Buffer.concat(parts);
    parts = [];
    length = 0;
    if (bytes > maxBytes) return { problem: `has ${bytes} bytes; at most ${maxBytes} are accepted` };
    // It would be read as other characters.
    if (!isUtf8(whole)) return { problem: "is not UTF-8" };
    const text = whole.toString("utf8");
    return text.trim() === "" ? undefined : { text };
  };
  for (;;) {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    const chunk = buffer.subarray(0, await read(buffer));
    if (chunk.length === 0) break;
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      add(chunk.subarray(start, end));
      const line = take();
      if (line !== undefined) yield line;
      start = end + 1;
    }
    add(chunk.subarray(start));
  }
  const line = take();
  if (line !== undefined) yield line;
}
