import type { IncomingMessage } from "node:http";

/** What the request proves itself with; empty, and so nobody's, when there is none. */
export function bearerToken({ headers }: IncomingMessage): string {
  return /^Bearer +([\x21-\x7e]{1,256})$/i.exec(headers.authorization ?? "")?.[1] ?? "";
}
