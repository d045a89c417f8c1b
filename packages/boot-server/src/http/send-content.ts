import type { ServerResponse } from "node:http";
import { HttpError } from "./answers.ts";
import { hasEntityTag, parseRange, type ByteRange } from "./byte-range.ts";
import type { Exchange } from "./exchange.ts";
import { writeAll } from "./write-all.ts";

/** Content that can be sent completely or in part. */
export interface Content {
  /** In bytes. */
  size: number;
  /** A strong entity tag (RFC 9110 section 8.8.3), quotes included. It changes with the content. */
  entityTag: string;
  contentType: string;
  /** Reads from `position` into the buffer. Returns the number of bytes read, 0 at the end. */
  read(buffer: Uint8Array, position: number): Promise<number>;
}

/** Receives the offset of the bytes sent so far. `complete` means that the last byte was sent. */
export type OnProgress = (offset: number, state: "started" | "going" | "complete" | "stopped") => void;

/** Each download uses two buffers of this size. */
const BUFFER_BYTES = 256 * 1024;
/** Buffers are reused, because the garbage collector frees them late. */
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
  // RFC 9110 section 14.2: Range is defined for GET only.
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

/** Sends a range. Reads into one buffer while the other one is sent. */
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
    // It may fail before it is awaited, which would be an unhandled rejection.
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
      if (count === 0) throw new Error("the file became shorter while it was sent");
      const chunk = buffer.subarray(0, count);
      position += count;
      [buffer, other] = [other, buffer];
      reading = position <= end ? read(position) : undefined;
      await writeAll(res, chunk);
      sent = position;
      onProgress(sent, sent > end ? "complete" : "going");
    }
    // Not after a lost connection: the system may still use the buffers.
    idleBuffers.push(...[buffer, other].filter((each) => each.length === BUFFER_BYTES));
    idleBuffers.splice(MAX_IDLE_BUFFERS);
  } catch (error) {
    onProgress(sent, "stopped");
    throw error;
  } finally {
    // Otherwise the caller would close the file during a read, and its descriptor could be reused.
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
