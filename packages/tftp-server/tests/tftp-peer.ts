import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export interface Received {
  bytes: Buffer;
  port: number;
}

/** A client that sends and receives single packets. */
export interface Peer {
  socket: Socket;
  send(bytes: Buffer, port: number): void;
  /** Returns the oldest packet not yet returned, `undefined` if none arrives in time. */
  nextWithin(ms: number): Promise<Received | undefined>;
  next(): Promise<Received>;
  close(): void;
}

export async function openPeer(from = { address: "127.0.0.1", port: 0 }): Promise<Peer> {
  const socket = createSocket(isIPv6(from.address) ? "udp6" : "udp4");
  socket.bind(from.port, from.address);
  await once(socket, "listening");
  const received: Received[] = [];
  socket.on("message", (bytes, { port }) => {
    if (received.length < 100) received.push({ bytes, port });
  });
  const nextWithin = async (ms: number): Promise<Received | undefined> => {
    const end = performance.now() + ms;
    while (received.length === 0 && performance.now() < end) await sleep(2);
    return received.shift();
  };
  return {
    socket,
    send: (bytes, port) => socket.send(bytes, port, isIPv6(from.address) ? "::1" : "127.0.0.1"),
    nextWithin,
    next: async () => {
      const packet = await nextWithin(15_000);
      if (packet === undefined) throw new Error("no packet arrived within 15 s");
      return packet;
    },
    close: () => socket.close(),
  };
}

export async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(10)) {
    if (await condition()) return;
  }
  throw new Error("the condition did not become true within 20 s");
}
