import { createServer, type Server, type Socket } from "node:net";

/** Starts a TCP server that passes each message without its length to `respond`, and stops it after `use`. */
export async function withTcp<T>(
  respond: (asked: Buffer, socket: Socket) => void,
  use: (port: number) => Promise<T>,
): Promise<T> {
  const server: Server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (bytes: Buffer) => respond(bytes.subarray(2), socket));
  });
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await use((server.address() as { port: number }).port);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

/** Returns a message after its length in two bytes. */
export const frame = (bytes: Buffer) =>
  Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
