import { once } from "node:events";
import {
  createServer,
  request,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
} from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { HttpError, LostConnection } from "./answers.ts";
import { sendContent, type Content, type OnProgress } from "./send-content.ts";

const BUFFER_BYTES = 256 * 1024;

/** What the server sends next. */
let content: Content;
let progress: [number, Parameters<OnProgress>[1]][];
/** The errors of `sendContent`. */
let errors: unknown[];
let server: Server;
let port: number;

beforeEach(async () => {
  progress = [];
  errors = [];
  server = createServer((req, res) => {
    sendContent({ req, res }, content, (...call) => progress.push(call)).catch((error: unknown) => {
      errors.push(error);
      if (error instanceof HttpError) res.writeHead(error.status, error.message, error.headers).end();
      else res.destroy();
      server.emit("failed");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  ({ port } = server.address() as AddressInfo);
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function contentOf(bytes: Buffer, more: Partial<Content> = {}): Content {
  return {
    size: bytes.length,
    entityTag: '"tag"',
    contentType: "text/plain",
    read: async (buffer, position) => bytes.copy(buffer, 0, position),
    ...more,
  };
}

async function get(headers: OutgoingHttpHeaders = {}, method = "GET") {
  const req = request({ port, host: "127.0.0.1", method, headers, agent: false }).end();
  const [res] = (await once(req, "response")) as [IncomingMessage];
  const body = Buffer.concat(await res.toArray());
  return { status: res.statusCode, headers: res.headers, body };
}

describe("the answer", () => {
  const RANGE = { range: "bytes=2-4" };

  it.each([
    ["everything", "GET", {}, 200, "0123456789", "10", undefined],
    ["headers for HEAD", "HEAD", {}, 200, "", "10", undefined],
    ["no range for HEAD", "HEAD", RANGE, 200, "", "10", undefined],
    ["a range", "GET", RANGE, 206, "234", "3", "bytes 2-4/10"],
    ["the last byte", "GET", { range: "bytes=9-" }, 206, "9", "1", "bytes 9-9/10"],
    ["no range after the end", "GET", { range: "bytes=10-" }, 416, "", "0", "bytes */10"],
    ["everything for a bad range", "GET", { range: "bytes=4-2" }, 200, "0123456789", "10", undefined],
    ["a range of this version", "GET", { ...RANGE, "if-range": '"tag"' }, 206, "234", "3", "bytes 2-4/10"],
    ["no range of another", "GET", { ...RANGE, "if-range": '"x"' }, 200, "0123456789", "10", undefined],
    ["nothing for If-Range alone", "GET", { "if-range": '"tag"' }, 200, "0123456789", "10", undefined],
    ["nothing that the client has", "GET", { "if-none-match": '"tag"' }, 304, "", undefined, undefined],
    ["nothing of it in part", "GET", { ...RANGE, "if-none-match": '"tag"' }, 304, "", undefined, undefined],
    ["a new version", "GET", { "if-none-match": '"x"' }, 200, "0123456789", "10", undefined],
  ])("has %s", async (_what, method, headers, status, body, length, range) => {
    content = contentOf(Buffer.from("0123456789"));
    const answer = await get(headers, method);
    expect([answer.status, answer.body.toString()]).toEqual([status, body]);
    expect(answer.headers).toMatchObject({ etag: '"tag"', "accept-ranges": "bytes" });
    expect(answer.headers["content-range"]).toBe(range);
    if (status !== 416) expect(answer.headers["content-length"]).toBe(length);
    if (status < 300) expect(answer.headers["content-type"]).toBe("text/plain");
  });

  it("may be empty", async () => {
    content = contentOf(Buffer.alloc(0));
    const answer = await get();
    expect([answer.status, answer.headers["content-length"], progress]).toEqual([200, "0", []]);
    expect(await get({ range: "bytes=0-" })).toMatchObject({ status: 416 });
  });
});

describe("the progress", () => {
  it("is the offset after each part, and complete only after the last byte", async () => {
    content = contentOf(Buffer.alloc(BUFFER_BYTES + 1, "x"));
    expect((await get()).body.length).toBe(BUFFER_BYTES + 1);
    expect(progress).toEqual([
      [0, "started"],
      [BUFFER_BYTES, "going"],
      [BUFFER_BYTES + 1, "complete"],
    ]);
  });

  it("begins and ends where the range does", async () => {
    content = contentOf(Buffer.from("0123456789"));
    await get({ range: "bytes=3-5" });
    expect(progress).toEqual([
      [3, "started"],
      [6, "complete"],
    ]);
  });

  it("goes on after reads that return less than was asked for", async () => {
    const bytes = Buffer.from("0123456789");
    const read = async (buffer: Uint8Array, position: number) =>
      bytes.copy(buffer, 0, position, Math.min(position + 4, bytes.length));
    content = contentOf(bytes, { read });
    expect((await get()).body.toString()).toBe("0123456789");
    expect(progress.map(([offset]) => offset)).toEqual([0, 4, 8, 10]);
  });
});

describe("a failure", () => {
  it.each([
    ["a file that became shorter", async () => 0, new Error("the file became shorter while it was sent")],
    ["a read that fails", async () => Promise.reject(new Error("EIO")), new Error("EIO")],
  ])("by %s ends the answer early, and is told", async (_what, later, error) => {
    const bytes = Buffer.alloc(2 * BUFFER_BYTES);
    let reads = 0;
    const read = async (buffer: Uint8Array, position: number) => {
      if (reads++ === 0) return bytes.copy(buffer, 0, position);
      if (reads > 2) throw new Error("read again after the failure");
      return later();
    };
    content = contentOf(bytes, { read });
    await expect(get()).rejects.toThrow("aborted");
    expect(errors).toEqual([error]);
    expect(progress.at(-1)).toEqual([BUFFER_BYTES, "stopped"]);
  });
});

describe("a client that goes away", () => {
  it.each([
    ["closes", (socket: Socket) => socket.destroy()],
    ["resets", (socket: Socket) => socket.resetAndDestroy()],
  ])("and %s the connection stops the download", async (_how, leave) => {
    const size = 64 * 1024 * 1024;
    let isReading = false;
    const read = async (buffer: Uint8Array) => {
      isReading = true;
      await new Promise(setImmediate);
      isReading = false;
      return buffer.length;
    };
    content = contentOf(Buffer.alloc(0), { size, read });
    const socket = connect({ port, host: "127.0.0.1" });
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await once(socket, "readable");
    const failed = once(server, "failed");
    leave(socket);
    await failed;
    expect(errors).toEqual([expect.any(LostConnection)]);
    expect(isReading).toBe(false);
    const [sent, state] = progress.at(-1)!;
    expect([sent < size, state]).toEqual([true, "stopped"]);
    expect(progress.some(([, each]) => each === "complete")).toBe(false);
  });
});

describe("buffers", () => {
  /** Downloads so many bytes. Returns the memory that was read into. */
  async function usedFor(size: number) {
    const used = new Map<ArrayBufferLike, number>();
    const read = async (buffer: Uint8Array) => {
      used.set(buffer.buffer, buffer.length);
      return buffer.length;
    };
    content = contentOf(Buffer.alloc(0), { size, read });
    await get();
    return used;
  }

  it("are used again by the next large download, and only by it", async () => {
    const first = await usedFor(2 * BUFFER_BYTES);
    const small = await usedFor(1000);
    const second = await usedFor(2 * BUFFER_BYTES);
    expect([...second].every(([memory]) => first.has(memory))).toBe(true);
    expect([...small].some(([memory]) => first.has(memory))).toBe(false);
    expect([...small.values()]).toEqual([1000]);
    expect([...second.values()]).toEqual([BUFFER_BYTES, BUFFER_BYTES]);
  });
});
