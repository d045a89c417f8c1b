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
  /** An IP address and a port (0 selects a free port), or a descriptor or a server that listens already. */
  listen: { address: string; port: number } | { fd: number } | { server: NetServer };
  /**
   * The URL at which machines reach this server, such as `http://10.0.0.1:8080`. Required behind a proxy. By default, the
   * local address and port of each request. The Host header is never used, because the client controls it.
   */
  publicUrl?: string | undefined;
  /** Called after each answer. */
  log?: ((access: HttpAccess) => void) | undefined;
  /** Receives messages for the operator that no client gets. */
  warn?: ((message: string) => void) | undefined;
  limits?: Partial<HttpLimits> | undefined;
}

interface HttpLimits {
  /** Further connections are closed at once. Default 1024. */
  maxConnections: number;
  /** Further connections from the same address are closed at once. Default 256. */
  maxConnectionsPerAddress: number;
  /** The size of a claim or a report. Default 256 KiB. */
  maxBodyBytes: number;
  /** The time to receive the headers of a request. Default 10,000. */
  headersTimeoutMs: number;
  /** The time to receive a complete request. Default 30,000. */
  requestTimeoutMs: number;
  /** A connection without traffic for this time is closed, also during a download. Default 120,000. */
  idleTimeoutMs: number;
}

/** One line of the access log. It contains no secrets. */
export interface HttpAccess {
  method: string;
  /** The path without the query and without the ids of boots. */
  path: string;
  status: number;
  /** The bytes sent, headers included. */
  bytes: number;
  address: string;
  durationMs: number;
  /** Whether the complete answer was sent, as far as the server can know. */
  complete: boolean;
}

export interface HttpServer {
  readonly port: number;
  /** Stops accepting requests, and closes the connections that are still open after `graceSeconds`. */
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

/** Starts the HTTP server for machines, from the first script to the last report, and for the status page. */
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
  /** The number of connections of each address. */
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

  /** Counts the connections of each address, so that one host cannot use all of them. */
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
    // Pipelined requests would all run at once. Boot firmware does not send them.
    if (address === "" || this.#busy.has(socket)) {
      socket.destroy();
      return;
    }
    this.#busy.add(socket);
    const before = socket.bytesWritten;
    const startedAt = performance.now();
    const path = (req.url ?? "").replace(/^https?:\/\/[^/?]*/i, "").replace(/\?.*$/s, "");
    // "finish" comes before the client has the complete answer and can send its next request.
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

  /** Answers a request. Returns whether the complete answer was sent, as far as the server can know. */
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
      // iPXE encodes a space as %20, and does not encode a plus.
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
    // The connection is lost, or must be closed so that the client notices that the answer is incomplete.
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

/** Hides the id of a boot, which is all that a request for its overlay needs, apart from the address. */
function loggable(path: string): string {
  return path.replaceAll(/(boots\/+)[^/]*/gi, "$1…").slice(0, MAX_LOGGED_PATH);
}

/** Sets headers that the status page overrides. */
function setDefaultHeaders(res: ServerResponse): void {
  res.setHeader("X-Content-Type-Options", "nosniff");
  res.setHeader("X-Frame-Options", "DENY");
  res.setHeader("Referrer-Policy", "no-referrer");
  res.setHeader("Content-Security-Policy", "default-src 'none'");
}
