import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { tftpReadRequest } from "@nixops4-providers/test-servers";
import {
  filesUnder,
  startTftpServer,
  type OpenFile,
  type TftpEvent,
  type TftpListen,
  type TftpServer,
  type TftpServerOptions,
} from "@nixops4-providers/tftp-server";
import { eventually, openPeer, type Peer, type Received } from "./tftp-peer.ts";

// The protocol, packet by packet, over the loopback interface.

const LOOPBACK: TftpListen = { address: "127.0.0.1", port: 0 };
const NO_TFTP = Buffer.from("GET / HTTP/1.1\r\n");

let folder: string;
let server: TftpServer;
let peer: Peer;
const events: TftpEvent[] = [];
/** Stopped after each test. */
const servers: TftpServer[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tftp-packets-"));
  await mkdir(join(folder, "sub"));
  for (const size of [1, 512, 513, 4296]) {
    await writeFile(join(folder, String(size)), Buffer.alloc(size, size));
  }
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  events.length = 0;
  server = await start({ onEvent: (event) => events.push(event) });
  peer = await openPeer();
});
afterEach(async () => {
  peer.close();
  for (const each of servers.splice(0)) await each.stop({ graceSeconds: 0 });
});

const ack = (block: number) => Buffer.from([0, 4, block >> 8, block & 255]);
const error = (code: number, message = "") => Buffer.from(`\0\x05\0${String.fromCharCode(code)}${message}\0`);

/** "DATA 1", "ERROR 5: Unknown transfer" or "OACK tsize=513". */
function shown({ bytes }: Received): string {
  const number = bytes.readUInt16BE(2);
  const words = (from: number) => bytes.toString("latin1", from).split("\0").slice(0, -1);
  if (bytes[1] === 3) return `DATA ${number}`;
  if (bytes[1] === 5) return `ERROR ${number}: ${words(4).join()}`;
  const pairs = words(2);
  return `OACK ${pairs.flatMap((name, i) => (i % 2 === 0 ? [`${name}=${pairs[i + 1]}`] : [])).join(" ")}`;
}

async function next(from = peer): Promise<string> {
  return shown(await from.next());
}

async function start(
  options: Partial<Pick<TftpServerOptions, "open" | "onEvent" | "limits" | "log">>,
  listen = LOOPBACK,
): Promise<TftpServer> {
  const other = await startTftpServer({ open: filesUnder(folder), ...options, ...listen });
  servers.push(other);
  return other;
}

/** A file of zero bytes in memory. */
function zeros(size: number, changes: Partial<OpenFile> = {}): OpenFile {
  return { size, read: async (_offset, length) => Buffer.alloc(length), close: async () => {}, ...changes };
}

describe("options", () => {
  it("starts with DATA when no option was asked for that it knows", async () => {
    peer.send(tftpReadRequest("1", { multicast: "", utimeout: 5 }), server.port);
    const { bytes, port } = await peer.next();
    expect([...bytes.subarray(0, 4)]).toEqual([0, 3, 0, 1]);
    peer.send(ack(1), port);
  });

  it("returns a size beyond 4 GiB, and none for netascii", async () => {
    const open = async (): Promise<OpenFile> => ({
      size: 5 * 2 ** 30,
      read: async (_offset, length) => Buffer.alloc(length),
      close: async () => {},
    });
    const huge = await start({ open });
    peer.send(tftpReadRequest("x", { tsize: 0 }), huge.port);
    expect((await peer.next()).bytes.toString("latin1")).toBe("\0\x06tsize\x005368709120\0");
    peer.send(tftpReadRequest("x", { tsize: 0 }, "NetASCII"), huge.port);
    expect((await peer.next()).bytes[1]).toBe(3);
    await huge.stop({ graceSeconds: 0 });
    await peer.next();
  });

  it.each<[string, TftpListen, string, number]>([
    ["IPv4", LOOPBACK, "127.0.0.1", 1468],
    ["IPv4 on a socket for both", { address: "::", port: 0 }, "127.0.0.1", 1468],
    ["IPv6, whose header is longer", { address: "::1", port: 0 }, "::1", 1448],
  ])("limits blocks over %s to what fits a packet", async (_what, listen, address, blockSize) => {
    const other = await start({}, listen);
    const client = await openPeer({ address, port: 0 });
    client.send(tftpReadRequest("513", { blksize: 65464 }), other.port);
    expect(await next(client)).toBe(`OACK blksize=${blockSize}`);
    client.close();
  });
});

describe("size probes", () => {
  it("counts EDK2's size probe as such, stops at once, and serves the read that follows", async () => {
    peer.send(tftpReadRequest("513", { TSIZE: 0, blksize: 1468 }), server.port);
    const offer = await peer.next();
    expect(offer.bytes.toString("latin1")).toBe("\0\x06TSIZE\x00513\0blksize\x001468\0");
    peer.send(Buffer.from("\0\x05\0\x08User aborted the transfer\0"), offer.port);
    expect(await peer.nextWithin(1300)).toBeUndefined();
    expect(events.map(({ kind }) => kind)).toEqual(["request", "size-probe"]);
    peer.send(tftpReadRequest("513", { blksize: 1468 }), server.port);
    const again = await peer.next();
    expect(again.bytes.toString("latin1")).toBe("\0\x06blksize\x001468\0");
    peer.send(ack(0), again.port);
    expect((await peer.next()).bytes.length).toBe(517);
    peer.send(ack(1), again.port);
    await eventually(() => events.at(-1)?.kind === "finished");
  });

  it.each<[string, Record<string, number>, string, Buffer[], number, string]>([
    ["EDK2 (ERROR 8)", { tsize: 0 }, "octet", [], 8, "size-probe: 513"],
    ["a boot ROM of Intel", { tsize: 0 }, "octet", [], 0, "size-probe: 513"],
    [
      "a client whose disk is full",
      { tsize: 0 },
      "octet",
      [],
      3,
      "failed: the client aborted with error 3: no",
    ],
    [
      "a client that wants no blocks of 1468",
      { blksize: 1468 },
      "octet",
      [],
      8,
      "failed: the client aborted with error 8: no",
    ],
    [
      "a client that aborts a download",
      { tsize: 0 },
      "octet",
      [ack(0)],
      0,
      "failed: the client aborted with error 0: no",
    ],
    [
      "a client that cannot be told the size",
      { tsize: 0, blksize: 512 },
      "netascii",
      [],
      0,
      "failed: the client aborted with error 0: no",
    ],
    ["a client without options", {}, "octet", [], 0, "failed: the client aborted with error 0: no"],
  ])("tells an abort by %s from a size probe", async (_who, options, mode, packets, code, expected) => {
    peer.send(tftpReadRequest("513", options, mode), server.port);
    const { port } = await peer.next();
    for (const packet of packets) {
      peer.send(packet, port);
      await peer.next();
    }
    peer.send(error(code, "no"), port);
    await eventually(() => events.length === 2);
    const end = events[1]!;
    expect(
      `${end.kind}: ${end.kind === "failed" ? end.reason : end.kind === "size-probe" ? end.size : ""}`,
    ).toBe(expected);
  });
});

describe("a repeated request", () => {
  it("uses a fresh port for each transfer, and one for a repeated request", async () => {
    const request = tftpReadRequest("513");
    peer.send(request, server.port);
    const first = await peer.next();
    peer.send(request, server.port);
    const repeated = await peer.next();
    expect(repeated).toEqual(first);
    expect(first.port).not.toBe(server.port);
    peer.send(ack(1), first.port);
    await peer.next();
    // A request that arrives late must not restart the transfer.
    peer.send(request, server.port);
    expect(await peer.nextWithin(50)).toBeUndefined();
    peer.send(ack(2), first.port);
    await eventually(() => server.stats.active === 0);
    peer.send(request, server.port);
    const second = await peer.next();
    expect(second.port).not.toBe(first.port);
    peer.send(ack(1), second.port);
    await peer.next();
    peer.send(ack(2), second.port);
  });

  it.each([
    ["after it asked for the size", tftpReadRequest("513", { tsize: 0 }), []],
    ["when the last ACK was lost", tftpReadRequest("513"), [1]],
    ["in the middle of a transfer", tftpReadRequest("4296"), [1, 2]],
  ])("says nothing more on the old port to a client that starts over %s", async (_when, request, acks) => {
    peer.send(request, server.port);
    const old = await peer.next();
    for (const block of acks) {
      peer.send(ack(block), old.port);
      await peer.next();
    }
    peer.send(tftpReadRequest("512", { tsize: 0 }), server.port);
    const answer = await peer.next();
    expect(answer.port).not.toBe(old.port);
    expect(answer.bytes.toString("latin1")).toBe("\0\x06tsize\x00512\0");
    peer.send(Buffer.from("\0\x05\0\x08\0"), answer.port);
    expect(await peer.nextWithin(100)).toBeUndefined();
  });

  it("restarts a transfer whose client has stopped answering: the client may have restarted", async () => {
    const other = await start({ limits: { retransmitMs: 20 } });
    const request = tftpReadRequest("513");
    peer.send(request, other.port);
    const old = await peer.next();
    peer.send(ack(1), old.port);
    expect([await next(), await next()]).toEqual(["DATA 2", "DATA 2"]);
    peer.send(request, other.port);
    const deadline = performance.now() + 10_000;
    let answer = await peer.next();
    while (answer.port === old.port && performance.now() < deadline) answer = await peer.next();
    expect(shown(answer)).toBe("DATA 1");
    expect(other.stats).toMatchObject({ active: 1, failed: 1 });
  });

  it("is ignored, as is any other from its port, while the file is being opened", async () => {
    let opened = 0;
    let finish = () => {};
    const isOpen = new Promise<void>((resolve) => (finish = resolve));
    const open = async () => {
      opened++;
      await isOpen;
      return zeros(1);
    };
    const other = await start({ open });
    for (const name of ["a", "a", "b"]) peer.send(tftpReadRequest(name), other.port);
    await eventually(() => opened > 0);
    expect(await peer.nextWithin(50)).toBeUndefined();
    finish();
    expect(await next()).toBe("DATA 1");
    expect([opened, other.stats.requests]).toEqual([1, 1]);
  });
});

describe("an unexpected packet", () => {
  it("answers another port with ERROR 5 and goes on", async () => {
    const other = await openPeer();
    peer.send(tftpReadRequest("513"), server.port);
    const { port } = await peer.next();
    other.send(ack(1), port);
    expect(await next(other)).toBe("ERROR 5: Unknown transfer");
    other.send(Buffer.from("\0\x05\0\0die\0"), port);
    expect(await other.nextWithin(50)).toBeUndefined();
    peer.send(ack(1), port);
    expect((await peer.next()).bytes.readUInt16BE(2)).toBe(2);
    peer.send(ack(2), port);
    other.close();
  });

  it("ignores the same port of another address, whatever it sends", async () => {
    peer.send(tftpReadRequest("513"), server.port);
    const { port } = await peer.next();
    const other = await openPeer({ address: "127.0.0.2", port: peer.socket.address().port });
    for (const packet of [ack(1), Buffer.from("\0\x05\0\0die\0"), Buffer.from("no TFTP")]) {
      other.send(packet, port);
    }
    const refusal = "ERROR 5: Unknown transfer";
    expect([await next(other), await next(other)]).toEqual([refusal, refusal]);
    expect(await peer.nextWithin(50)).toBeUndefined();
    peer.send(ack(1), port);
    expect((await peer.next()).bytes.readUInt16BE(2)).toBe(2);
    peer.send(ack(2), port);
    other.close();
  });

  it("never sends twice because of a duplicate ACK", async () => {
    peer.send(tftpReadRequest("4296"), server.port);
    const { port } = await peer.next();
    for (let block = 1; block <= 8; block++) {
      for (let copy = 0; copy < 3; copy++) peer.send(ack(block), port);
      expect((await peer.next()).bytes.readUInt16BE(2)).toBe(block + 1);
    }
    expect(await peer.nextWithin(50)).toBeUndefined();
    peer.send(ack(9), port);
  });

  it.each([
    ["DATA", Buffer.from([0, 3, 0, 1])],
    ["something else", NO_TFTP],
  ])("ends the transfer when the client sends %s", async (_what, packet) => {
    peer.send(tftpReadRequest("513"), server.port);
    const { port } = await peer.next();
    peer.send(packet, port);
    expect(await next()).toBe("ERROR 4: Illegal TFTP operation");
    const reason = "the client sent a packet that is neither ACK nor ERROR";
    await eventually(() => events.length === 2);
    expect(events[1]).toMatchObject({ kind: "failed", reason });
  });

  it("is not answered when it is an ERROR, or comes from port 0", async () => {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    const other = await start({}, { socket });
    peer.send(error(0), other.port);
    socket.emit("message", tftpReadRequest("513"), { address: "127.0.0.1", port: 0 });
    expect(await peer.nextWithin(50)).toBeUndefined();
    expect(other.stats).toMatchObject({ requests: 0, failed: 0 });
  });
});

describe("a request that is refused", () => {
  it.each([
    ["an unknown file", tftpReadRequest("nothing"), 1],
    ["a folder", tftpReadRequest("sub"), 1],
    ["a write request", Buffer.from("\0\x02/new\0octet\0"), 2],
    ["mail", tftpReadRequest("513", {}, "mail"), 4],
    ["an unknown mode", tftpReadRequest("513", {}, "binary"), 4],
    ["an ACK without a transfer", ack(1), 4],
    ["garbage", Buffer.from("GET / HTTP/1.1\r\n"), 4],
    ["a cut-off request", Buffer.from("\0\x01513\0oct"), 4],
  ])("refuses %s", async (_what, packet, code) => {
    peer.send(packet, server.port);
    const answer = await peer.next();
    expect(shown(answer)).toMatch(`ERROR ${code}: `);
    expect(answer.bytes.toString()).not.toContain(folder);
    expect(answer.bytes.at(-1)).toBe(0);
  });

  it("does not tell the client why a file could not be opened", async () => {
    const logged: string[] = [];
    const open = async () => Promise.reject(new Error("EIO /secret/path"));
    const failing = await start({ open, log: (message) => logged.push(message) });
    peer.send(tftpReadRequest("x"), failing.port);
    const answer = await peer.next();
    expect(shown(answer)).toBe("ERROR 2: Cannot read the file");
    expect(answer.bytes.toString()).not.toContain("secret");
    expect(logged).toEqual(['cannot open "x": EIO /secret/path']);
  });

  it("leaves room for others", async () => {
    const other = await start({ limits: { maxTransfers: 1 } });
    for (let i = 0; i < 3; i++) {
      peer.send(tftpReadRequest("nothing"), other.port);
      expect(await next()).toBe("ERROR 1: File not found");
    }
    expect(other.stats).toMatchObject({ active: 0, requests: 3, failed: 3, dropped: 0 });
  });
});

describe("a file that fails", () => {
  const eio = async () => Promise.reject(new Error("EIO"));

  it("while it is read ends the transfer, and is closed", async () => {
    const seen: TftpEvent[] = [];
    let closed = 0;
    const close = async () => void closed++;
    const other = await start({
      open: async () => zeros(1, { read: eio, close }),
      onEvent: (event) => seen.push(event),
    });
    peer.send(tftpReadRequest("x"), other.port);
    expect(await next()).toBe("ERROR 0: Cannot read the file");
    await eventually(() => seen.length === 2);
    expect(seen[1]).toMatchObject({
      kind: "failed",
      filename: "x",
      reason: "cannot read the file: EIO",
      bytes: 0,
    });
    expect(closed).toBe(1);
  });

  it("when it is closed is reported to the operator, and the transfer has finished", async () => {
    const logged: string[] = [];
    const other = await start({
      open: async () => zeros(1, { close: eio }),
      log: (message) => logged.push(message),
    });
    peer.send(tftpReadRequest("x"), other.port);
    peer.send(ack(1), (await peer.next()).port);
    await eventually(() => logged.length > 0);
    expect([logged, other.stats.finished]).toEqual([['cannot close "x": EIO'], 1]);
  });

  it("is read no further when the client aborts meanwhile", async () => {
    let fail = () => {};
    const read = async () => new Promise<Buffer>((_, reject) => (fail = () => reject(new Error("EIO"))));
    const seen: TftpEvent[] = [];
    const other = await start({ open: async () => zeros(1, { read }), onEvent: (event) => seen.push(event) });
    peer.send(tftpReadRequest("x", { tsize: 0 }), other.port);
    const { port } = await peer.next();
    peer.send(ack(0), port);
    peer.send(error(0), port);
    await eventually(() => seen.length === 2);
    fail();
    expect(await peer.nextWithin(50)).toBeUndefined();
    expect(seen.map(({ kind }) => kind)).toEqual(["request", "failed"]);
  });
});

describe("a client that does not answer", () => {
  it("retransmits with growing pauses, then gives up", async () => {
    const seen: TftpEvent[] = [];
    const limits = { retransmitMs: 150, maxRetransmissions: 3 };
    const hasty = await start({ limits, onEvent: (event) => seen.push(event) });
    peer.send(tftpReadRequest("513"), hasty.port);
    const times: number[] = [];
    for (let packet = 0; packet < 4; packet++) {
      expect((await peer.next()).bytes.readUInt16BE(2)).toBe(1);
      times.push(performance.now());
    }
    expect(times[3]! - times[2]!).toBeGreaterThan(2 * (times[1]! - times[0]!));
    expect(await peer.nextWithin(1700)).toBeUndefined();
    await eventually(() => seen.length > 0);
    expect(seen.at(-1)).toMatchObject({ kind: "failed", reason: "the client stopped answering", bytes: 0 });
    expect(hasty.stats).toMatchObject({ active: 0, failed: 1, retransmissions: 3 });
  });

  it("retransmits at the interval that the client asked for", async () => {
    const hasty = await start({ limits: { retransmitMs: 40 } });
    peer.send(tftpReadRequest("513", { timeout: 1 }), hasty.port);
    await peer.next();
    expect(await peer.nextWithin(900)).toBeUndefined();
    expect((await peer.next()).bytes.toString("latin1")).toBe("\0\x06timeout\x001\0");
    await hasty.stop({ graceSeconds: 0 });
    expect(await next()).toBe("ERROR 0: The server is stopping");
  });

  it.each([
    ["the client stopped answering", "4296", [1], 512],
    ["the client stopped answering", "4296", [], 0],
    ["the client never acknowledged the last block", "513", [1], 512],
    ["the client never acknowledged the last block", "1", [], 0],
  ])("fails because %s of %s after the ACKs %j", async (reason, name, acks, bytes) => {
    const seen: TftpEvent[] = [];
    const limits = { retransmitMs: 20, maxRetransmissions: 1 };
    const other = await start({ limits, onEvent: (event) => seen.push(event) });
    peer.send(tftpReadRequest(name), other.port);
    for (const block of acks) peer.send(ack(block), (await peer.next()).port);
    await eventually(() => seen.at(-1)?.kind === "failed");
    expect(seen.at(-1)).toMatchObject({ reason, bytes });
  });

  it("has all attempts again after each ACK", async () => {
    const limits = { retransmitMs: 20, maxRetransmissions: 1 };
    const other = await start({ limits });
    peer.send(tftpReadRequest("4296"), other.port);
    for (let block = 1; block <= 8; block++) {
      const first = await peer.next();
      expect([shown(first), await next()]).toEqual([`DATA ${block}`, `DATA ${block}`]);
      peer.send(ack(block), first.port);
    }
    expect(await next()).toBe("DATA 9");
    expect(other.stats.failed).toBe(0);
  });
});

describe("progress", () => {
  it("is reported when bytes have arrived, and only then", async () => {
    const progress: number[] = [];
    const onEvent = (event: TftpEvent) => void (event.kind === "progress" && progress.push(event.bytes));
    const other = await start({ onEvent });
    peer.send(tftpReadRequest("4296"), other.port);
    const { port } = await peer.next();
    await sleep(1100);
    expect(progress).toEqual([]);
    peer.send(ack(1), port);
    await eventually(() => progress.length > 0);
    await sleep(1100);
    peer.send(ack(2), port);
    await eventually(() => progress.length > 1);
    expect(progress).toEqual([512, 1024]);
  });
});

describe("maxTransfers", () => {
  it("drops a request rather than a transfer that began less than a second ago, or that was answered", async () => {
    const other = await start({ limits: { maxTransfers: 1 } });
    const clients = [peer, await openPeer(), await openPeer()] as const;
    const ask = (client: Peer) => client.send(tftpReadRequest("4296"), other.port);
    ask(clients[0]);
    expect(await next(clients[0])).toBe("DATA 1");
    ask(clients[1]);
    await eventually(() => other.stats.dropped === 1);
    await sleep(1010);
    ask(clients[1]);
    const { port } = await clients[1].next();
    clients[1].send(ack(1), port);
    expect(await next(clients[1])).toBe("DATA 2");
    await sleep(1010);
    ask(clients[2]);
    await eventually(() => other.stats.dropped === 2);
    expect(other.stats).toMatchObject({ active: 1, requests: 2, failed: 1 });
    expect(await clients[2].nextWithin(0)).toBeUndefined();
    for (const client of clients.slice(1)) client.close();
  });

  it("does not end a request whose file is still being opened", async () => {
    const limits = { maxTransfers: 1 };
    let finish = () => {};
    const isOpen = new Promise<undefined>((resolve) => (finish = () => resolve(undefined)));
    const other = await start({ limits, open: async () => isOpen });
    const client = await openPeer();
    peer.send(tftpReadRequest("a"), other.port);
    await eventually(() => other.stats.active === 1);
    await sleep(1010);
    client.send(tftpReadRequest("b"), other.port);
    await eventually(() => other.stats.dropped === 1);
    finish();
    expect(await next()).toBe("ERROR 1: File not found");
    client.close();
  });
});

describe("stopping", () => {
  it("lets transfers finish when it stops, and takes no new ones", async () => {
    const stopping = await start({});
    peer.send(tftpReadRequest("513"), stopping.port);
    const { port } = await peer.next();
    const stopped = stopping.stop({ graceSeconds: 5 });
    peer.send(tftpReadRequest("1"), stopping.port);
    expect(await peer.nextWithin(50)).toBeUndefined();
    peer.send(ack(1), port);
    expect((await peer.next()).bytes.readUInt16BE(2)).toBe(2);
    peer.send(ack(2), port);
    await stopped;
    expect(stopping.stats).toMatchObject({ active: 0, finished: 1, failed: 0 });
  });
  it("ends at once without transfers, and may be asked for twice", async () => {
    const other = await start({});
    const before = performance.now();
    await Promise.all([other.stop({ graceSeconds: 60 }), other.stop({ graceSeconds: 60 })]);
    expect(performance.now() - before).toBeLessThan(30_000);
  });

  it.each([
    ["opens", async () => zeros(1), "The server is stopping"],
    ["does not exist", async () => undefined, "File not found"],
  ])("waits for a file that is being opened and then %s", async (_what, result, reason) => {
    const seen: TftpEvent[] = [];
    let finish = () => {};
    const isOpen = new Promise<void>((resolve) => (finish = resolve));
    const open = async () => {
      await isOpen;
      return result();
    };
    const other = await start({ open, onEvent: (event) => seen.push(event) });
    peer.send(tftpReadRequest("x"), other.port);
    await eventually(() => other.stats.active === 1);
    const stopped = other.stop({ graceSeconds: 0 });
    finish();
    await stopped;
    expect(seen.at(-1)).toMatchObject({ kind: "failed", reason });
    expect(other.stats.active).toBe(0);
  });
});
