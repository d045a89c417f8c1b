import { connect, createServer, type Server, type Socket } from "node:net";

/** Forwards connections on loopback to a port. */
export class TcpProxy {
  readonly host = "127.0.0.1";
  /** The number of connections so far. */
  connections = 0;
  #server: Server;
  #sockets = new Set<Socket>();

  private constructor(target: number | undefined) {
    this.#server = createServer((client) => {
      this.connections += 1;
      this.#keep(client);
      if (target === undefined) return;
      const upstream = connect({ host: this.host, port: target, noDelay: true });
      this.#keep(upstream);
      client.pipe(upstream).pipe(client);
      client.on("close", () => upstream.destroy());
      upstream.on("close", () => client.destroy());
    });
  }

  /** Starts a proxy. Without a target, it accepts connections and never sends anything. */
  static start(target?: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    return new Promise((resolve) => proxy.#server.listen(0, proxy.host, () => resolve(proxy)));
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the proxy does not listen");
    return address.port;
  }

  /** Drops all data in both directions, and keeps connections open, like an unplugged cable. */
  freeze(): void {
    for (const socket of this.#sockets) socket.unpipe().pause();
  }

  /** Closes all connections at once. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  stop(): Promise<void> {
    this.cut();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #keep(socket: Socket): void {
    socket.setNoDelay(true);
    this.#sockets.add(socket);
    socket.on("error", () => {}).on("close", () => this.#sockets.delete(socket));
  }
}
