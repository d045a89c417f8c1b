import { createSocket, type Socket } from "node:dgram";

export interface Disturbance {
  /** Probabilities, each packet in either direction. */
  loss: number;
  duplication: number;
  reordering: number;
  seed: number;
}

export interface Relay {
  port: number;
  close(): void;
}

/** A bad network between one client (on the port of the relay) and a server on 127.0.0.1. */
export async function startRelay(serverPort: number, disturbance: Disturbance): Promise<Relay> {
  const random = seededRandom(disturbance.seed);
  const front = await bound();
  const back = await bound();
  let client = 0;
  let transfer = serverPort;
  let closed = false;
  const pass = (bytes: Buffer, socket: Socket, port: number): void => {
    const send = (): void => {
      if (!closed) socket.send(bytes, port, "127.0.0.1");
    };
    if (random() < disturbance.loss) return;
    if (random() < disturbance.duplication) send();
    if (random() < disturbance.reordering) setTimeout(send, 2);
    else send();
  };
  front.on("message", (bytes, { port }) => {
    client = port;
    pass(bytes, back, bytes[1] === 1 ? serverPort : transfer);
  });
  back.on("message", (bytes, { port }) => {
    transfer = port;
    pass(bytes, front, client);
  });
  const close = (): void => {
    closed = true;
    front.close();
    back.close();
  };
  return { port: front.address().port, close };
}

/** The same numbers in [0, 1) for the same seed (a linear congruential generator, modulus 2^32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

async function bound(): Promise<Socket> {
  const socket = createSocket({ type: "udp4", lookup: (host, _options, done) => done(null, host, 4) });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return socket;
}
