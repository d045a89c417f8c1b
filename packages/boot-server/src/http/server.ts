import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Server as NetServer, Socket } from "node:net";
import { withoutMapping } from "../core/ip-address.ts";
import { errorAnswer, HttpError, LostConnection, sendJson } from "./answers.ts";
import type { HttpSources } from "./exchange.ts";
import { findRoute } from "./router.ts";
import { routes } from "./routes/index.ts";
import { httpUrl } from "./url.ts";

export interface HttpServerOptions extends HttpSources {
  /** An IP address and a port (0 takes a free one), or something that listens already. */
  listen: { address: string; port: number } | { fd: number } | { server: NetServer };
  /**
   * What machines reach this server by, such as `http://10.0.0.1:8080`; needed behind a proxy. By default the address
   * and port that each request came in on. Never what the client claims in its Host header.
   */
  publicUrl?: string | undefined;
  /** Called for each answer that has ended. */
  log?: ((access: HttpAccess) => void) | undefined;
  /** Told of what the operator should know and no client is told. */
  warn?: ((message: string) => void) | undefined;
  limits?: Partial<HttpLimits> | undefined;
}

interface HttpLimits {
  /** Further ones are closed at once. Default 1024. */
  maxConnections: number;
  /** Further ones of the same address are closed at once. Default 256. */
  maxConnectionsPerAddress: number;
  /** Of a claim or a report. Default 256 KiB. */
  maxBodyBytes: number;
  /** For a request's headers to come in. Default 10,000. */
  headersTimeoutMs: number;
  /** For a whole request to come in. Default 30,000. */
  requestTimeoutMs: number;
  /** A connection on which no byte moves for this long is closed, downloads included. Default 120,000. */
  idleTimeoutMs: number;
}

/** One line of the access log: nothing in it is secret. */
export interface HttpAccess {
  method: string;
  /** Without the query, and without the ids of boots. */
  path: string;
  status: number;
  /** Sent on the connection, headers included. */
  bytes: number;
  address: string;
  durationMs: number;
  /** Whether all of the answer was sent, as far as can be known. */
  complete: boolean;
}

export interface HttpServer {
  readonly port: number;
  /** Takes no more requests, and ends the answers that are still in progress after `graceSeconds`. */
  stop(options: { graceSeconds: number }): Promise<void>;
}

const DEFAULT_LIMITS: HttpLimits = {
  maxConnections: 1024,
  maxConnectionsPerAddress: 256,
  maxBodyBytes: 256 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  idleTimeoutMs: 120_000,
};
const MAX_HEADER_BYTES = 8 * 1024;
const MAX_LOGGED_PATH = 200;

/** Serves the machines, from their first script to their last report, and the status page. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const server = new BootHttpServer(options);
  await server.listen();
  return server;
}

class BootHttpServer implements HttpServer {
  readonly #options: HttpServerOptions;
  readonly #limits: HttpLimits;
  readonly #server: Server;
  readonly #busy = new Set<Socket>();
  /** How many connections each address has. */
  readonly #connections = new Map<string, number>();
  #port = 0;
  #stopped: Promise<void> | undefined;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    const { headersTimeoutMs, requestTimeoutMs, idleTimeoutMs, maxConnections } = this.#limits;
    this.#server = createServer({
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.min(headersTimeoutMs, 2_000),
      maxHeaderSize: MAX_HEADER_BYTES,
    });
    this.#server.timeout = idleTimeoutMs;
    this.#server.maxConnections = maxConnections;
    this.#server.on("connection", (socket) => this.#count(socket));
    this.#server.on("request", (req, res) => void this.#receive(req, res));
  }

  get port(): number {
    return this.#port;
  }

  async listen(): Promise<void> {
    const { listen } = this.#options;
    if ("server" in listen) this.#server.listen(listen.server);
    else this.#server.listen("fd" in listen ? listen : { host: listen.address, port: listen.port });
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
    this.#server.on("error", (error) => this.#warn(`HTTP socket: ${error.message}`));
  }

  async stop({ graceSeconds }: { graceSeconds: number }): Promise<void> {
    this.#stopped ??= this.#stop(graceSeconds);
    await this.#stopped;
  }

  async #stop(graceSeconds: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const timer = setTimeout(() => this.#server.closeAllConnections(), graceSeconds * 1000);
    await closed;
    clearTimeout(timer);
  }

  /** One neighbour who keeps connections must leave some to the machines. */
  #count(socket: Socket): void {
    const address = withoutMapping(socket.remoteAddress ?? "");
    const count = (this.#connections.get(address) ?? 0) + 1;
    if (count > this.#limits.maxConnectionsPerAddress) {
      socket.destroy();
      return;
    }
    this.#connections.set(address, count);
    socket.once("close", () => {
      const left = this.#connections.get(address)! - 1;
      if (left === 0) this.#connections.delete(address);
      else this.#connections.set(address, left);
    });
  }

  async #receive(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { socket } = req;
    const address = withoutMapping(socket.remoteAddress ?? "");
    // Requests that are sent ahead of their answers would all be in progress at once: no boot firmware does that.
    if (address === "" || this.#busy.has(socket)) {
      socket.destroy();
      return;
    }
    this.#busy.add(socket);
    const before = socket.bytesWritten;
    const startedAt = performance.now();
    const path = (req.url ?? "").replace(/^https?:\/\/[^/?]*/i, "").replace(/\?.*$/s, "");
    // Before the client can know that its answer is complete, and so send the next request.
    res.once("finish", () => this.#busy.delete(socket));
    const closed = new Promise<void>((resolve) => {
      res.once("close", () => {
        this.#busy.delete(socket);
        resolve();
      });
    });
    const complete = await this.#answer(req, res, path, address);
    await closed;
    if (this.#stopped !== undefined) setImmediate(() => this.#server.closeIdleConnections());
    this.#options.log?.({
      method: req.method ?? "",
      path: loggable(path),
      status: res.headersSent ? res.statusCode : 0,
      bytes: socket.bytesWritten - before,
      address,
      durationMs: Math.round(performance.now() - startedAt),
      complete,
    });
  }

  /** Returns whether the client got a whole answer, as far as can be known. */
  async #answer(req: IncomingMessage, res: ServerResponse, path: string, address: string): Promise<boolean> {
    try {
      setDefaultHeaders(res);
      if (this.#stopped !== undefined) {
        throw new HttpError(503, "the server is stopping", { Connection: "close", "Retry-After": "5" });
      }
      await this.#route(req, res, path, address);
      return true;
    } catch (error) {
      return this.#answerError(req, res, path, error);
    }
  }

  async #route(req: IncomingMessage, res: ServerResponse, path: string, address: string): Promise<void> {
    const { route, params } = findRoute(routes, req.method ?? "", path);
    await route.handle({
      req,
      res,
      sources: this.#options,
      params,
      // iPXE writes a space as %20, and a plus as itself.
      query: new URLSearchParams(req.url?.split("?").slice(1).join("?").replaceAll("+", "%2B")),
      address,
      baseUrl: this.#baseUrl(req.socket),
      maxBodyBytes: this.#limits.maxBodyBytes,
      warn: (message) => this.#warn(message),
    });
  }

  #answerError(req: IncomingMessage, res: ServerResponse, path: string, error: unknown): boolean {
    const answer = errorAnswer(error);
    if (answer === undefined && !(error instanceof LostConnection) && !req.socket.destroyed) {
      this.#warn(`${req.method} ${loggable(path)}: ${String(error)}`);
    }
    // The client has gone, or gets less than it was promised and so knows.
    if (res.destroyed || res.headersSent) {
      res.destroy();
      return false;
    }
    for (const [name, value] of Object.entries(answer?.headers ?? {})) res.setHeader(name, value);
    sendJson(res, answer?.status ?? 500, { error: answer?.message ?? "internal error" });
    return true;
  }

  #baseUrl({ localAddress, localPort }: Socket): string {
    const { publicUrl } = this.#options;
    if (publicUrl !== undefined) return publicUrl.replace(/\/+$/, "");
    return httpUrl(withoutMapping(localAddress ?? ""), localPort!);
  }

  #warn(message: string): void {
    this.#options.warn?.(message);
  }
}

/** The id of a boot is all that it takes to get its overlay, from the right address. */
function loggable(path: string): string {
  return path.replaceAll(/(boots\/+)[^/]*/gi, "$1…").slice(0, MAX_LOGGED_PATH);
}

/** A page may loosen them for itself. */
function setDefaultHeaders(res: ServerResponse): void {
  res.setHeader("X-Content-Type-Options", "nosniff");
  res.setHeader("X-Frame-Options", "DENY");
  res.setHeader("Referrer-Policy", "no-referrer");
  res.setHeader("Content-Security-Policy", "default-src 'none'");
}
