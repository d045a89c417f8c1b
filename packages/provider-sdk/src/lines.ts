/** The longest request line that is accepted, in bytes. */
export const MAX_LINE_BYTES = 64 * 1024 * 1024;

/** A line, or the length of one that was too long to keep. */
export type Line = { text: string } | { tooLongBytes: number };

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
    const text = Buffer.concat(parts).toString("utf8");
    parts = [];
    length = 0;
    if (bytes > maxBytes) return { tooLongBytes: bytes };
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
