import type { IncomingMessage } from "node:http";

/** Returns the bearer token of a request (RFC 6750). Empty if there is none; no boot has an empty token. */
export function bearerToken({ headers }: IncomingMessage): string {
  return /^Bearer +([\x21-\x7e]{1,256})$/i.exec(headers.authorization ?? "")?.[1] ?? "";
}
