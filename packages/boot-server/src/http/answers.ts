import type { ServerResponse } from "node:http";
import { Refusal, type RefusalKind } from "../core/refusal.ts";

const STATUSES: Record<RefusalKind, number> = {
  invalid: 400,
  denied: 403,
  absent: 404,
  conflict: 409,
  limit: 429,
  unavailable: 503,
};

/** An invalid HTTP request, with the status and the headers of its answer. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly status: number;
  readonly headers: Record<string, string>;

  constructor(status: number, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** The client closed the connection before the answer was complete. */
export class LostConnection extends Error {
  override readonly name = "LostConnection";
}

/** Returns the answer to the client after an error, `undefined` for an internal error, whose message it must not see. */
export function errorAnswer(error: unknown): HttpError | undefined {
  if (error instanceof HttpError) return error;
  return error instanceof Refusal ? new HttpError(STATUSES[error.kind], error.message) : undefined;
}

export function sendJson(res: ServerResponse, status: number, value: unknown): void {
  send(res, status, "application/json", `${JSON.stringify(value)}\n`);
}

export function sendText(res: ServerResponse, text: string, contentType = "text/plain; charset=utf-8"): void {
  send(res, 200, contentType, text);
}

function send(res: ServerResponse, status: number, contentType: string, text: string): void {
  const body = Buffer.from(text);
  res.writeHead(status, { "Content-Type": contentType, "Content-Length": body.length }).end(body);
}
