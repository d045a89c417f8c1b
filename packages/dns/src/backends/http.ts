import { setTimeout as sleep } from "node:timers/promises";
import { type Context, Redactor, timeoutSignal } from "@nixops4-providers/provider-sdk";
import { DnsError } from "../client/dns-error.ts";
import { wallClockSeconds } from "../client/wall-clock.ts";
import { HttpClient, type HttpHeaders } from "./http-client.ts";

export interface HttpOptions {
  baseUrl: string;
  headers: Record<string, string>;
  /** The credential in the headers. */
  secret: string;
  context: Context;
  /** For one request. */
  timeoutSeconds: number;
}

/** The sum of the waits that a server may ask for. */
const MAX_WAIT_SECONDS = 900;
const MAX_QUOTA_SECONDS = 60;
/** How many characters of an answer an error shows. */
const SHOWN = 300;

/** An API of JSON over HTTP that may ask us to slow down. */
export class HttpApi {
  readonly #options: HttpOptions;
  readonly #client: HttpClient;
  readonly #redactor = new Redactor();
  #waited = 0;
  /** No request before this time. */
  #notBefore = 0;

  constructor(options: HttpOptions) {
    this.#options = options;
    this.#client = new HttpClient(new URL(options.baseUrl));
    this.#redactor.add(options.secret);
  }

  /** Sends a request and returns the answer. A status that is not expected is an error with the text of the server. */
  async request(
    method: string,
    path: string,
    { body, expect = [200] }: { body?: unknown; expect?: number[] } = {},
  ) {
    for (;;) {
      await this.#pace();
      const { status, headers, text } = await this.#send(method, path, body);
      this.#heed(headers);
      if (status === 429) {
        this.#delay(retryAfter(headers) ?? 1, `${method} ${path}`);
        continue;
      }
      const parsed = parse(text);
      if (expect.includes(status)) return { status, body: parsed, headers };
      throw new DnsError(
        `${method} ${this.#options.baseUrl}${path} failed: ${status} ${this.explain(parsed ?? text)}`,
        {
          isTransient: status >= 500 || status === 408,
        },
      );
    }
  }

  async #send(method: string, path: string, body: unknown) {
    const { baseUrl, headers, context, timeoutSeconds } = this.#options;
    const url = `${baseUrl}${path}`;
    try {
      return await this.#client.send({
        method,
        url,
        headers: {
          accept: "application/json",
          ...(body !== undefined && { "content-type": "application/json" }),
          ...headers,
        },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.any([context.signal, timeoutSignal(timeoutSeconds)]),
      });
    } catch (cause) {
      context.signal.throwIfAborted();
      if (cause instanceof DnsError) throw cause;
      throw new DnsError(`${method} ${url} got no answer`, { cause, isTransient: true });
    }
  }

  /** Returns the start of what the server says, for an error. */
  explain(said: unknown): string {
    const text = typeof said === "string" ? said : JSON.stringify(said);
    // Before the cut, after which a half of a secret would no longer be found.
    const redacted = this.#redactor.redact(text).slice(0, SHOWN);
    // It comes from the network: control characters must not reach a terminal.
    return redacted.replace(/[^\x20-\x7e]+/g, " ");
  }

  close(): void {
    this.#client.close();
  }

  async #pace(): Promise<void> {
    const wait = this.#notBefore - performance.now();
    if (wait > 0) await sleep(wait, undefined, { signal: this.#options.context.signal });
  }

  /** Waits for an empty quota to be filled again. */
  #heed(headers: HttpHeaders): void {
    const seconds = quotaReset(headers);
    if (seconds === undefined) return;
    const wait = Math.min(Math.max(seconds, 0), MAX_QUOTA_SECONDS);
    this.#notBefore = Math.max(this.#notBefore, performance.now() + wait * 1000);
  }

  #delay(seconds: number, what: string): void {
    this.#waited += seconds;
    if (this.#waited > MAX_WAIT_SECONDS) {
      throw new DnsError(`${what}: the server asks to wait for ${seconds} s more; its quota is used up`);
    }
    this.#options.context.log.info(`the server asks to wait for ${seconds} s`);
    this.#notBefore = Math.max(this.#notBefore, performance.now() + seconds * 1000);
  }
}

/**
 * In how many seconds an empty quota is filled again; `undefined` when it is not empty. Drafts of the RateLimit fields
 * (draft-ietf-httpapi-ratelimit-headers) have it as three fields, later ones as `"name";r=REMAINING;t=SECONDS`.
 */
function quotaReset(headers: HttpHeaders): number | undefined {
  const combined = (headers.get("ratelimit") ?? "")
    .split(",")
    .find((item) => /;\s*r=0(;|$)/.test(item.trim()));
  const isEmpty = headers.get("ratelimit-remaining") === "0";
  const reset = Number(
    /;\s*t=(\d+)/.exec(combined ?? "")?.[1] ?? (isEmpty ? headers.get("ratelimit-reset") : undefined),
  );
  if (!Number.isFinite(reset)) return undefined;
  // Some services give the seconds until then, others the time.
  return reset > 1e9 ? reset - wallClockSeconds() : reset;
}

function retryAfter(headers: HttpHeaders): number | undefined {
  const value = headers.get("retry-after") ?? "";
  const seconds = /^\d+$/.test(value) ? Number(value) : Date.parse(value) / 1000 - wallClockSeconds();
  return Number.isFinite(seconds) ? Math.max(0, Math.ceil(seconds)) : undefined;
}

function parse(text: string): unknown {
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
