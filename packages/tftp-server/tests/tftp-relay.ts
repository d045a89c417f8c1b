import { createSocket, type Socket } from "node:dgram";
import { seededRandom } from "@nixops4-providers/test-servers";

export interface Disturbance {
  /** The probabilities for each packet in each direction. */
  loss: number;
  duplication: number;
  reordering: number;
  seed: number;
}

export interface Relay {
  port: number;
  close(): void;
}

/**
 * Starts a relay that disturbs the packets between one client at a time and a server on 127.0.0.1. As without the relay,
 * each transfer has its own port.
 */
export async function startRelay(serverPort: number, disturbance: Disturbance): Promise<Relay> {
  const random = seededRandom(disturbance.seed);
  const front = await bound();
  const back = await bound();
  /** The relay's socket for each port of the server. */
  const fronts = new Map([[serverPort, front]]);
  let client = 0;
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
  const frontOf = (port: number): Socket => {
    // Packets that are sent before it is bound wait until then.
    const socket = openSocket().bind(0, "127.0.0.1");
    socket.on("message", (bytes) => pass(bytes, back, port));
    return socket;
  };
  front.on("message", (bytes, { port }) => {
    client = port;
    pass(bytes, back, serverPort);
  });
  back.on("message", (bytes, { port }) => {
    let socket = fronts.get(port);
    if (socket === undefined) {
      socket = frontOf(port);
      fronts.set(port, socket);
    }
    pass(bytes, socket, client);
  });
  const close = (): void => {
    closed = true;
    for (const socket of [back, ...fronts.values()]) socket.close();
  };
  return { port: front.address().port, close };
}

async function bound(): Promise<Socket> {
  const socket = openSocket();
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return socket;
}

function openSocket(): Socket {
  return createSocket({ type: "udp4", lookup: (host, _options, done) => done(null, host, 4) });
}
