import type { Agent, IncomingMessage } from "node:http";
import type { RequestOptions } from "node:https";
import type { Duplex } from "node:stream";
import { openTcp } from "@nixops4-providers/provider-sdk";
import { DnsError } from "../client/dns-error.ts";
import { finishHandshake } from "../client/tls-handshake.ts";

export interface HttpRequest {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string | undefined;
  signal: AbortSignal;
}

export interface HttpHeaders {
  get(name: string): string | undefined;
}

/** A connection that is idle for longer is not used again: the server may close it at any moment. */
const IDLE_MS = 3_000;
const MAX_BODY_BYTES = 64 * 1024 * 1024;

/**
 * Sends requests to one server, over connections that are used again. Follows no redirect, which would carry the
 * credentials elsewhere. Takes less to load than `fetch`, and gives no address of the server up after 250 ms.
 */
export class HttpClient {
  readonly #isTls: boolean;
  #agent: Agent | undefined;

  constructor({ protocol }: URL) {
    this.#isTls = protocol === "https:";
  }

  async send({ method, url, headers, body, signal }: HttpRequest) {
    signal.throwIfAborted();
    const { request, Agent: BaseAgent } = await (this.#isTls ? import("node:https") : import("node:http"));
    this.#agent ??= withDialling(new BaseAgent({ keepAlive: true, timeout: IDLE_MS }), this.#isTls);
    const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
    const outgoing = request(url, { method, headers: { ...headers, ...length }, agent: this.#agent, signal });
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.on("response", resolve).on("error", reject);
    });
    outgoing.end(body);
    const answer = await answered;
    const get = (name: string) => answer.headers[name]?.toString();
    return { status: answer.statusCode ?? 0, headers: { get }, text: await readText(answer) };
  }

  close(): void {
    this.#agent?.destroy();
  }
}

/** Makes an agent connect to the address of the server that answers first. */
function withDialling(agent: Agent, isTls: boolean): Agent {
  const createConnection = (options: RequestOptions, done: Connected) => void dial(options, isTls, done);
  return Object.assign(agent, { createConnection });
}

type Connected = (error: Error | null, stream?: Duplex) => void;

async function dial(options: RequestOptions, isTls: boolean, done: Connected): Promise<void> {
  try {
    done(null, await open(options, isTls));
  } catch (error) {
    done(error as Error);
  }
}

/** The signal of the request has its deadline. */
async function open(options: RequestOptions, isTls: boolean): Promise<Duplex> {
  const server = {
    host: options.host!,
    port: Number(options.port),
    timeoutSeconds: Number.POSITIVE_INFINITY,
  };
  const signal = options.signal ?? new AbortController().signal;
  const tcp = await openTcp(server, signal);
  if (!isTls) return tcp;
  const { connect } = await import("node:tls");
  const tls = connect({ ...(options as object), socket: tcp });
  // Only for the handshake: later requests use the same connection.
  const abort = () => void tls.destroy(signal.reason as Error);
  signal.addEventListener("abort", abort, { once: true });
  try {
    await finishHandshake(tls, `${server.host} port ${server.port}`, "NODE_EXTRA_CA_CERTS adds CAs");
    return tls;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function readText(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new DnsError("the answer is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
