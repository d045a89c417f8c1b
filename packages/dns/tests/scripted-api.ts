import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Context } from "@nixops4-providers/provider-sdk";
import { HttpApi } from "../src/backends/http.ts";

export interface Asked {
  method: string;
  /** Below the base of the API. */
  path: string;
  headers: IncomingMessage["headers"];
  body: unknown;
}

export interface Answer {
  status?: number;
  headers?: Record<string, string>;
  body?: unknown;
  /** In place of `body`: an answer that is no JSON. */
  text?: string | Buffer;
}

interface Options {
  onLog?: (line: string) => void;
  signal?: AbortSignal;
  timeoutSeconds?: number;
}

export const API_SECRET = "the-secret-token";

/** Starts an HTTP server that answers as `respond` says, and stops it after `use`. Without an answer the connection breaks. */
export async function withApi<T>(
  respond: (asked: Asked) => Answer | undefined,
  use: (api: HttpApi, asked: Asked[], baseUrl: string) => Promise<T>,
  { onLog = () => {}, signal = new AbortController().signal, timeoutSeconds = 10 }: Options = {},
): Promise<T> {
  const all: Asked[] = [];
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const asked = await read(request);
    all.push(asked);
    const answer = respond(asked);
    if (answer === undefined) return void response.destroy();
    const {
      status = 200,
      headers = {},
      body,
      text = body === undefined ? "" : JSON.stringify(body),
    } = answer;
    response.writeHead(status, headers).end(text);
  };
  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`;
  const api = new HttpApi({
    baseUrl,
    headers: { authorization: `Bearer ${API_SECRET}` },
    secret: API_SECRET,
    context: { signal, log: { info: onLog } } as unknown as Context,
    timeoutSeconds,
  });
  try {
    return await use(api, all, baseUrl);
  } finally {
    api.close();
    server.close();
    server.closeAllConnections();
  }
}

async function read(request: IncomingMessage): Promise<Asked> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8");
  return {
    method: request.method!,
    path: request.url!.slice("/api".length),
    headers: request.headers,
    body: text === "" ? undefined : JSON.parse(text),
  };
}
