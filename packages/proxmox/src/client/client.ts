import { type Context, ProviderError, retryUntil } from "@nixops4-providers/provider-sdk";
import type { ApiAccess } from "../api-access.ts";
import { ConnectError, LostAnswerError, PveError, TaskError } from "./errors.ts";
import { type HttpAnswer, Https, type HttpRequest } from "./https.ts";

/** The parameters of a request. Booleans are sent as 1 and 0; `undefined` is left out. */
export type Params = Record<string, string | number | boolean | undefined>;

const BASE = "/api2/json";
/** Long enough for a restart of the daemon, and not too long where the address is wrong. */
const CONNECT_RETRY_SECONDS = 10;
const PAUSE_SECONDS = { first: 0.2, longest: 5 };

/** A client of the API of Proxmox VE that logs in with a token. */
export class PveClient {
  readonly context: Context;
  readonly #https: Https;
  readonly #access: ApiAccess;
  readonly #authorization: string;

  constructor(access: ApiAccess, secret: string, context: Context) {
    this.context = context;
    this.#access = access;
    this.#authorization = `PVEAPIToken=${access.tokenId}=${secret}`;
    this.#https = new Https(access);
  }

  get retrySeconds(): number {
    return this.#access.retrySeconds;
  }

  get<Data>(path: string, params: Params = {}): Promise<Data> {
    return this.request("GET", path, params) as Promise<Data>;
  }

  /** Sends a request and returns the `data` of the answer. Retries what may succeed later. */
  request(method: string, path: string, params: Params = {}): Promise<unknown> {
    const query = encode(params);
    const isInPath = method === "GET" || method === "DELETE";
    const target = isInPath && query !== "" ? `${path}?${query}` : path;
    return this.retry(`${method} ${path}`, async () => {
      const body = Buffer.from(isInPath ? "" : query);
      const type = { "content-type": "application/x-www-form-urlencoded" };
      return this.send(`${method} ${path}`, {
        method,
        path: target,
        // Without a length, Node.js sends chunks, which Proxmox VE refuses.
        headers: isInPath ? {} : { ...type, "content-length": body.length },
        ...(isInPath ? {} : { body }),
      });
    });
  }

  /** Sends one request, without retrying. Throws a PveError, ConnectError or LostAnswerError. */
  async send(
    what: string,
    request: Omit<HttpRequest, "timeoutSeconds" | "signal"> & { timeoutSeconds?: number },
  ): Promise<unknown> {
    const { timeoutSeconds = this.#access.timeoutSeconds, headers } = request;
    try {
      const answer = await this.#https.send({
        ...request,
        path: `${BASE}${request.path}`,
        headers: { accept: "application/json", authorization: this.#authorization, ...headers },
        timeoutSeconds,
        signal: this.context.signal,
      });
      return dataOf(what, answer);
    } catch (error) {
      this.context.signal.throwIfAborted();
      if (error instanceof PveError || error instanceof ConnectError || error instanceof LostAnswerError)
        throw error;
      throw new LostAnswerError(what, error);
    }
  }

  /** Retries with growing pauses while the error may pass. `what` is the method and the path. */
  async retry<Result>(what: string, attempt: () => Promise<Result>): Promise<Result> {
    const start = performance.now();
    return retryUntil(attempt, {
      deadline: Infinity,
      pause: PAUSE_SECONDS,
      signal: this.context.signal,
      mayPass: (error, pauseSeconds) => {
        const elapsed = (performance.now() - start) / 1000;
        return elapsed + pauseSeconds <= this.#patienceFor(error, what);
      },
      onFailure: (error) => this.context.log.debug(`retrying ${what}: ${(error as Error).message}`),
    });
  }

  /** Returns for how many seconds to retry after an error; 0 for an error that stays. */
  #patienceFor(error: unknown, what: string): number {
    const { retrySeconds } = this.#access;
    if (error instanceof ConnectError)
      return error.mayPass ? Math.min(retrySeconds, CONNECT_RETRY_SECONDS) : 0;
    // Only a read can be repeated safely.
    if (error instanceof LostAnswerError)
      return what.startsWith("GET ") ? Math.min(retrySeconds, CONNECT_RETRY_SECONDS) : 0;
    if (error instanceof PveError) return error.isLocked || error.isUnreached ? retrySeconds : 0;
    return error instanceof TaskError && error.isLocked ? retrySeconds : 0;
  }

  close(): void {
    this.#https.close();
  }
}

function encode(params: Params): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined)
      search.set(name, typeof value === "boolean" ? (value ? "1" : "0") : String(value));
  }
  return search.toString();
}

function dataOf(what: string, { status, reason, text }: HttpAnswer): unknown {
  const body = parse(text);
  if (status === 200 && body !== undefined) return body["data"] ?? null;
  if (status === 200) throw new ProviderError(`${what}: the answer is not JSON`);
  const error = new PveError(what, status, reason, (body?.["errors"] ?? {}) as Record<string, unknown>);
  if (error.isUnanswered) throw new LostAnswerError(what, error);
  throw error;
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
