import { DamagedLogError, parseRecords } from "./records.ts";

const BOUNDARY = Buffer.from("}\n{");

/**
 * Reads records as {@link parseRecords} does, but from a file of any size. Each result has the records of one piece, and the
 * position in the file where the last of them ends.
 */
export async function* readRecords(
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<{ records: unknown[]; end: number }> {
  let start = 0;
  let count = 0;
  /** The bytes from `start` on. No record ends before the last of them. */
  let parts: Buffer[] = [];

  const take = (piece: Buffer, isLast: boolean) => {
    try {
      const { records, end } = parseRecords(piece);
      if (!isLast && end < piece.length) throw new DamagedLogError(end, records.length);
      // The line break before a truncated record is truncated with it.
      const isAllCut = end === 0 && end < piece.length && start > 0;
      const result = { records, end: isAllCut ? start - 1 : start + end };
      count += records.length;
      start += piece.length;
      return result;
    } catch (error) {
      if (!(error instanceof DamagedLogError)) throw error;
      throw new DamagedLogError(start + error.offset, count + error.wholeRecords);
    }
  };

  for await (const chunk of chunks) {
    // The boundary may span two chunks.
    const seam = Buffer.concat([...parts.slice(-1).map((part) => part.subarray(-2)), chunk]);
    const found = seam.lastIndexOf(BOUNDARY);
    parts.push(chunk);
    if (found === -1) continue;
    const whole = Buffer.concat(parts);
    const end = whole.length - seam.length + found + 2;
    yield take(whole.subarray(0, end), false);
    parts = [whole.subarray(end)];
  }
  yield take(Buffer.concat(parts), true);
}
