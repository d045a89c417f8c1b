import { type IncomingMessage } from "node:http";
import { Agent, request, type RequestOptions } from "node:https";
import type { Duplex, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { connect, type TLSSocket } from "node:tls";
import { ProviderError, timerMs } from "@nixops4-providers/provider-sdk";
import type { ApiAccess } from "../api-access.ts";
import { ConnectError } from "./errors.ts";

export interface HttpRequest {
  method: string;
  path: string;
  headers: Record<string, string | number>;
  body?: Buffer | Readable;
  timeoutSeconds: number;
  signal: AbortSignal;
}

export interface HttpAnswer {
  status: number;
  reason: string;
  text: string;
}

/** pveproxy closes connections that are idle for 5 s: they are closed here before. */
const IDLE_MS = 3_000;
const MAX_BYTES = 32 * 1024 * 1024;

/** Connections to one endpoint. Its certificate is checked before anything is sent. */
export class Https {
  readonly #endpoint: URL;
  readonly #agent: Agent;

  constructor(access: ApiAccess) {
    this.#endpoint = new URL(access.endpoint);
    this.#agent = agentFor(access);
  }

  async send({ method, path, headers, body, timeoutSeconds, signal }: HttpRequest): Promise<HttpAnswer> {
    signal.throwIfAborted();
    const options = {
      method,
      headers,
      agent: this.#agent,
      signal,
      timeout: timerMs(timeoutSeconds),
    };
    const outgoing = request(new URL(path, this.#endpoint), options);
    let isConnected = false;
    outgoing.on("socket", (socket) => {
      if (!socket.connecting) isConnected = true;
      // A reused connection has completed its handshake.
      else socket.once("secureConnect", () => (isConnected = true));
    });
    outgoing.on("timeout", () => outgoing.destroy(new ProviderError(`no answer for ${timeoutSeconds} s`)));
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.on("response", resolve).on("error", reject);
    });
    try {
      // A server that refuses a request early answers before the whole body is sent.
      const sent =
        body === undefined || Buffer.isBuffer(body) ? void outgoing.end(body) : pipeline(body, outgoing);
      void sent?.catch(() => {});
      return await readAnswer(await answered);
    } catch (cause) {
      signal.throwIfAborted();
      throw isConnected ? cause : new ConnectError(this.#endpoint.origin, cause);
    }
  }

  close(): void {
    this.#agent.destroy();
  }
}

function agentFor({ tlsFingerprint, caCertificate, insecure }: ApiAccess): Agent {
  const common = { keepAlive: true, maxSockets: 8, timeout: IDLE_MS };
  if (tlsFingerprint !== undefined) return new PinnedAgent(common, tlsFingerprint.toUpperCase());
  return new Agent({ ...common, ...(caCertificate && { ca: caCertificate }), rejectUnauthorized: !insecure });
}

/** Uses a connection only after its certificate has the expected fingerprint. */
class PinnedAgent extends Agent {
  readonly #fingerprint: string;

  constructor(options: object, fingerprint: string) {
    super(options);
    this.#fingerprint = fingerprint;
  }

  override createConnection(
    options: RequestOptions,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    const socket = connect({ ...(options as object), rejectUnauthorized: false });
    const finish = (error: Error | null) => {
      socket.off("error", finish);
      callback?.(error, socket);
    };
    socket.once("error", finish);
    socket.once("secureConnect", () => {
      const problem = this.#check(socket);
      if (problem !== undefined) socket.destroy();
      finish(problem ?? null);
    });
  }

  #check(socket: TLSSocket): ProviderError | undefined {
    const seen = socket.getPeerCertificate().fingerprint256;
    if (seen === this.#fingerprint) return undefined;
    return new ProviderError(`the server's certificate has the fingerprint ${seen}, not the one expected`, {
      path: "connection.tlsFingerprint",
      hint: "The token was not sent. Compare with `pvenode cert info` on the node. Each node has its own certificate.",
    });
  }
}

async function readAnswer(answer: IncomingMessage): Promise<HttpAnswer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new ProviderError(`the answer has more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString("utf8");
  return { status: answer.statusCode ?? 0, reason: answer.statusMessage ?? "", text };
}
