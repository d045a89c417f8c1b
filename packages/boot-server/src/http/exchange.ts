import type { IncomingMessage, ServerResponse } from "node:http";
import type { BootCore } from "../core/api.ts";

/** The objects that the routes use. */
export interface HttpSources {
  core: BootCore;
  /** The paths of the network boot programs, by the name that machines request. */
  nbps: ReadonlyMap<string, string>;
  /** Answers `/`, `/status.json` and `/status/events`. Returns whether it did. */
  statusPage?: ((req: IncomingMessage, res: ServerResponse) => Promise<boolean>) | undefined;
  metrics?: (() => Promise<{ contentType: string; text: string }>) | undefined;
}

/** A request and its response. */
export interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly sources: HttpSources;
  /** The decoded values of the `:name` segments of the route's path. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** The IP address of the client. */
  readonly address: string;
  /** The URL at which the client reaches this server, without a slash at the end. */
  readonly baseUrl: string;
  readonly maxBodyBytes: number;
  /** Receives messages for the operator that no client gets. */
  readonly warn: (message: string) => void;
}

export interface Route {
  /** A route for GET also answers HEAD. */
  method: "GET" | "POST";
  /** A segment `:name` matches any single segment. */
  path: string;
  handle: (exchange: Exchange) => Promise<void>;
}
