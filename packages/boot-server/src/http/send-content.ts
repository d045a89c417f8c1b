import type { ServerResponse } from "node:http";
import { HttpError } from "./answers.ts";
import { hasEntityTag, parseRange, type ByteRange } from "./byte-range.ts";
import type { Exchange } from "./exchange.ts";
import { writeAll } from "./write-all.ts";

/** Something to be sent, whole or in part. */
export interface Content {
  /** In bytes. */
  size: number;
  /** Strong, with its quotes: other bytes have another. */
  entityTag: string;
  contentType: string;
  /** Fills the buffer with what stands at `position`, and returns how many bytes that were; 0 at the end. */
  read(buffer: Uint8Array, position: number): Promise<number>;
}

/** Told of the offset that has been reached; `complete` when the answer has been sent. */
export type OnProgress = (offset: number, state: "started" | "going" | "complete" | "stopped") => void;

/** Two of them for each download are all the memory that it takes. */
const BUFFER_BYTES = 256 * 1024;
/** Used again, since it takes the garbage collector long to free them. */
const idleBuffers: Buffer[] = [];
const MAX_IDLE_BUFFERS = 64;

/** Answers GET and HEAD with conditions and a single range (RFC 9110 sections 13 and 14). */
export async function sendContent(
  { req, res }: Pick<Exchange, "req" | "res">,
  content: Content,
  onProgress: OnProgress = () => {},
): Promise<void> {
  const { size, entityTag, contentType } = content;
  res.setHeader("ETag", entityTag);
  res.setHeader("Accept-Ranges", "bytes");
  const { "if-none-match": ifNoneMatch } = req.headers;
  if (ifNoneMatch !== undefined && hasEntityTag(ifNoneMatch, entityTag)) {
    res.writeHead(304).end();
    return;
  }
  // RFC 9110 section 14.2: with another method than GET the header means nothing.
  const range = req.method === "GET" ? wantedRange(req.headers, content) : undefined;
  if (range === "unsatisfiable") {
    throw new HttpError(416, "the range begins after the end", { "Content-Range": `bytes */${size}` });
  }
  const { start, end } = range ?? { start: 0, end: size - 1 };
  if (range !== undefined) res.setHeader("Content-Range", `bytes ${start}-${end}/${size}`);
  res.writeHead(range === undefined ? 200 : 206, {
    "Content-Type": contentType,
    "Content-Length": end - start + 1,
  });
  if (req.method === "GET" && size > 0) await sendBytes(res, content, { start, end }, onProgress);
  res.end();
}

/** Reads into one buffer while the other is being sent. */
async function sendBytes(
  res: ServerResponse,
  content: Content,
  { start, end }: ByteRange,
  onProgress: OnProgress,
): Promise<void> {
  const length = Math.min(BUFFER_BYTES, end - start + 1);
  let [buffer, other] = [takeBuffer(length), takeBuffer(length)];
  const read = (at: number) => {
    const count = content.read(buffer.subarray(0, Math.min(length, end - at + 1)), at);
    // It may fail while nobody waits for it yet.
    count.catch(() => {});
    return count;
  };
  let position = start;
  let sent = start;
  let reading: Promise<number> | undefined;
  try {
    onProgress(sent, "started");
    reading = read(position);
    while (reading !== undefined) {
      const count = await reading;
      if (count === 0) throw new Error("the file has become shorter");
      const chunk = buffer.subarray(0, count);
      position += count;
      [buffer, other] = [other, buffer];
      reading = position <= end ? read(position) : undefined;
      await writeAll(res, chunk);
      sent = position;
      onProgress(sent, sent > end ? "complete" : "going");
    }
    // Only now: of a connection that was lost, the system may still have them in hand.
    idleBuffers.push(...[buffer, other].filter((each) => each.length === BUFFER_BYTES));
    idleBuffers.splice(MAX_IDLE_BUFFERS);
  } catch (error) {
    onProgress(sent, "stopped");
    throw error;
  } finally {
    // The file must not be closed, nor another have its number, while it is being read.
    await reading?.catch(() => {});
  }
}

function takeBuffer(length: number): Buffer {
  return (length === BUFFER_BYTES ? idleBuffers.pop() : undefined) ?? Buffer.allocUnsafeSlow(length);
}

function wantedRange(
  headers: Exchange["req"]["headers"],
  { size, entityTag }: Content,
): ByteRange | "unsatisfiable" | undefined {
  const { range, "if-range": ifRange } = headers;
  if (range === undefined || (ifRange !== undefined && ifRange !== entityTag)) return undefined;
  return parseRange(range, size);
}
