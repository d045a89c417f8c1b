import type { IncomingMessage, ServerResponse } from "node:http";
import type { BootCore } from "../core/api.ts";

/** What the routes serve. */
export interface HttpSources {
  core: BootCore;
  /** The network boot programs: files by the name that a client asks for. */
  nbps: ReadonlyMap<string, string>;
  /** Answers `/`, `/status.json` and `/status/events`; tells whether it has. */
  statusPage?: ((req: IncomingMessage, res: ServerResponse) => Promise<boolean>) | undefined;
  metrics?: (() => Promise<{ contentType: string; text: string }>) | undefined;
}

/** One request with its answer. */
export interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly sources: HttpSources;
  /** Of the `:name` segments of the route's path, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** The IP address of the client. */
  readonly address: string;
  /** Under which the client reaches this server, without a slash at the end. */
  readonly baseUrl: string;
  readonly maxBodyBytes: number;
  /** Told of what the operator should know and no client is told. */
  readonly warn: (message: string) => void;
}

export interface Route {
  /** HEAD is answered wherever GET is. */
  method: "GET" | "POST";
  /** A segment `:name` stands for any one. */
  path: string;
  handle: (exchange: Exchange) => Promise<void>;
}
