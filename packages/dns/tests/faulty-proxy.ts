import { once } from "node:events";
import {
  createServer as createHttpServer,
  type IncomingMessage,
  request,
  type ServerResponse,
} from "node:http";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import type { Target } from "./servers.ts";
import { signAsServer } from "./sign-as-server.ts";

/** What happens to one request. */
export type FaultKind = (typeof DNS_FAULTS)[number] | (typeof HTTP_FAULTS)[number];

export const DNS_FAULTS = [
  "SERVFAIL instead of doing it",
  "SERVFAIL after doing it",
  "REFUSED, unsigned, instead of doing it",
  "REFUSED, signed, instead of doing it",
  "the connection cut before it",
  "the connection cut after it",
] as const;

export const HTTP_FAULTS = [
  "500 instead of doing it",
  "500 after doing it",
  "the connection cut before it",
  "the connection cut after it",
] as const;

/** Stands in front of a server, and makes one request go wrong. */
export interface FaultyProxy {
  port: number;
  /** The request after this many others goes wrong; `undefined`: none. */
  arm(fault: FaultKind | undefined, after?: number): void;
  /** How many requests there were since. */
  readonly count: number;
  /** Whether the fault has happened. */
  readonly hasHappened: boolean;
  stop(): void;
}

class Trigger {
  count = 0;
  hasHappened = false;
  #fault: FaultKind | undefined;
  #after = 0;

  arm(fault: FaultKind | undefined, after = 0): void {
    [this.#fault, this.#after, this.count, this.hasHappened] = [fault, after, 0, false];
  }

  /** Counts a request; the fault when it is this one's. */
  next(): FaultKind | undefined {
    if (this.count++ !== this.#after || this.#fault === undefined) return undefined;
    this.hasHappened = true;
    return this.#fault;
  }
}

/** In front of a name server, over TCP. */
export async function startFaultyDns(
  target: Target,
  key: { name: string; secret: string },
): Promise<FaultyProxy> {
  const trigger = new Trigger();
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect({ host: target.address, port: target.port, noDelay: true });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {}).on("close", () => [client, upstream].forEach((one) => one.destroy()));
    }
    /** By the ids of the requests. */
    const pending = new Map<number, { fault: FaultKind; asked: Buffer }>();
    const refuse = (rcode: number, asked: Buffer, isSigned: boolean) =>
      client.write(frame(isSigned ? signAsServer(failure(asked, rcode), asked, key) : failure(asked, rcode)));
    const before: Partial<Record<FaultKind, (asked: Buffer) => void>> = {
      "SERVFAIL instead of doing it": (asked) => refuse(SERVFAIL, asked, true),
      "REFUSED, unsigned, instead of doing it": (asked) => refuse(REFUSED, asked, false),
      "REFUSED, signed, instead of doing it": (asked) => refuse(REFUSED, asked, true),
      "the connection cut before it": () => client.destroy(),
    };
    onFrames(client, (asked) => {
      const fault = trigger.next();
      const instead = fault === undefined ? undefined : before[fault];
      if (instead !== undefined) return instead(asked);
      if (fault !== undefined) pending.set(asked.readUInt16BE(0), { fault, asked });
      upstream.write(frame(asked));
    });
    onFrames(upstream, (answer) => {
      const failing = pending.get(answer.readUInt16BE(0));
      if (failing === undefined) return void client.write(frame(answer));
      if (failing.fault === "the connection cut after it") client.destroy();
      else refuse(SERVFAIL, failing.asked, true);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return proxyOf(trigger, (server.address() as AddressInfo).port, () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
}

/** In front of PowerDNS's API. */
export async function startFaultyHttp(url: string): Promise<FaultyProxy> {
  const trigger = new Trigger();
  const answer = async (incoming: IncomingMessage, response: ServerResponse) => {
    const body = await buffer(incoming);
    const fault = trigger.next();
    const fail = () => {
      response.writeHead(500, { "content-type": "application/json" });
      response.end('{"error": "database is locked"}');
    };
    if (fault === "500 instead of doing it") return fail();
    if (fault === "the connection cut before it") return void incoming.socket.destroy();
    const { method, headers } = incoming;
    const outgoing = request(new URL(incoming.url!, url), { method: method!, headers, agent: false });
    outgoing.end(body);
    const [done] = (await once(outgoing, "response")) as [IncomingMessage];
    const text = await buffer(done);
    if (fault === "the connection cut after it") return void incoming.socket.destroy();
    if (fault === "500 after doing it") return fail();
    response.writeHead(done.statusCode!, { "content-type": "application/json" }).end(text);
  };
  const server = createHttpServer((incoming, response) => void answer(incoming, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return proxyOf(trigger, (server.address() as AddressInfo).port, () => {
    server.closeAllConnections();
    server.close();
  });
}

const SERVFAIL = 2;
const REFUSED = 5;

function proxyOf(trigger: Trigger, port: number, stop: () => void): FaultyProxy {
  return {
    port,
    stop,
    arm: (fault, after) => trigger.arm(fault, after),
    get count() {
      return trigger.count;
    },
    get hasHappened() {
      return trigger.hasHappened;
    },
  };
}

/** An answer without records, of which a server may leave out the question. */
function failure(asked: Buffer, rcode: number): Buffer {
  const answer = Buffer.alloc(12);
  asked.copy(answer, 0, 0, 2);
  answer.writeUInt16BE(0x8000 | (asked.readUInt16BE(2) & 0x7800) | rcode, 2);
  return answer;
}

function frame(message: Buffer): Buffer {
  return Buffer.concat([Buffer.of(message.length >> 8, message.length & 255), message]);
}

function onFrames(socket: Socket, act: (message: Buffer) => void): void {
  let received: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 2 && received.length >= received.readUInt16BE(0) + 2) {
      const end = received.readUInt16BE(0) + 2;
      const message = received.subarray(2, end);
      received = received.subarray(end);
      act(message);
    }
  });
}
