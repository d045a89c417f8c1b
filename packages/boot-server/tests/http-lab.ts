import { once } from "node:events";
import { request, type Agent, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import type { BootCore } from "../src/core/api.ts";
import { createBootCore } from "../src/core/boot-core.ts";
import { DEFAULT_LIMITS } from "../src/core/limits.ts";
import type { Store } from "../src/core/store.ts";
import {
  startHttpServer,
  type HttpAccess,
  type HttpServer,
  type HttpServerOptions,
} from "../src/http/server.ts";
import { START } from "./entries.ts";
import { memoryStore } from "./stores.ts";

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  body: Buffer;
}

/** The HTTP server on loopback, over a core whose store is in memory. */
export class HttpLab {
  readonly core: BootCore;
  readonly accesses: HttpAccess[] = [];
  readonly warnings: string[] = [];
  server!: HttpServer;
  #onAccess = () => {};

  private constructor(core: BootCore) {
    this.core = core;
  }

  static async start(
    options: Partial<HttpServerOptions> = {},
    store: Store = memoryStore(),
  ): Promise<HttpLab> {
    const clock = { now: () => START + 1, uptime: () => 1 };
    const core = createBootCore({ store, limits: DEFAULT_LIMITS, clock, log: () => {} });
    const lab = new HttpLab(core);
    lab.server = await startHttpServer({
      core,
      listen: { address: "127.0.0.1", port: 0 },
      nbps: new Map(),
      log: (access) => {
        lab.accesses.push(access);
        lab.#onAccess();
      },
      warn: (message) => lab.warnings.push(message),
      ...options,
    });
    return lab;
  }

  get base(): string {
    return `http://127.0.0.1:${this.server.port}`;
  }

  async get(
    path: string,
    {
      method = "GET",
      headers = {},
      body,
      agent,
    }: { method?: string; headers?: Record<string, string>; body?: string | Buffer; agent?: Agent } = {},
  ): Promise<Answer> {
    const { port } = this.server;
    const req = request({ host: "127.0.0.1", port, path, method, headers, agent: agent ?? false }).end(body);
    const [res] = (await once(req, "response")) as [IncomingMessage];
    const bytes = Buffer.concat(await res.toArray());
    return { status: res.statusCode!, headers: res.headers, text: bytes.toString(), body: bytes };
  }

  /** Opens a connection and sends bytes. */
  async connect(text = ""): Promise<Socket> {
    const socket = connect({ port: this.server.port, host: "127.0.0.1" });
    socket.on("error", () => {});
    await once(socket, "connect");
    socket.write(text);
    return socket;
  }

  /** Waits until so many requests have ended. */
  async ended(count: number): Promise<void> {
    while (this.accesses.length < count) await new Promise<void>((resolve) => (this.#onAccess = resolve));
  }

  async end(): Promise<void> {
    await this.server.stop({ graceSeconds: 0 });
    await this.core.close();
  }
}
