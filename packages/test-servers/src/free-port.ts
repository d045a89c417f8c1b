import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/** Above the ports of well-known services, and below the range that Linux uses for clients. */
const PORTS = [10_000, 32_768] as const;

/**
 * Returns a TCP port of 127.0.0.1 on which no server listens. It is outside the range for clients, so that it stays
 * free while a server restarts.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(...PORTS);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", (error: NodeJS.ErrnoException) =>
      error.code === "EADDRINUSE" ? resolve(false) : reject(error),
    );
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
