import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { BootCore } from "../../core/api.ts";
import { Board } from "./board.ts";
import { clientScript } from "./client-script.ts";
import { page } from "./page.ts";
import { style } from "./style.ts";
import { Watchers } from "./watchers.ts";

export interface StatusPage {
  /** Answers a request for one of its paths. Returns `false`, without an answer, for other paths. */
  (request: IncomingMessage, response: ServerResponse): Promise<boolean>;
  /** Ends the event streams, which stay open as long as a page is open. */
  close(): void;
}

/**
 * Serves the status on these paths:
 *
 * - `/` the page, which updates itself.
 * - `/status.json` a {@link ServiceStatus}: `at` and `startedAt`, the `cursor` of the last stored event, and `machines`, each
 *   with its `mac`, its activity (`lastSeenAt`, `downloads`, `timeline`), `advice`, and its `entry` if it is declared.
 *   Times are milliseconds since 1970, sizes are bytes. Unknown fields are omitted.
 * - `/status/events` the changes of the page. Its format is internal to the page.
 */
export function statusPage(
  core: Pick<BootCore, "status" | "onStatus">,
  { heartbeatMs = 15_000 } = {},
): StatusPage {
  const board = new Board(core);
  const watchers = new Watchers(core, board, heartbeatMs);

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<boolean> => {
    const [path = "", query] = (request.url ?? "").split("?", 2);
    if (!["/", "/status.json", "/status/events"].includes(path)) return false;
    for (const [name, value] of HEADERS) response.setHeader(name, value);
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { allow: "GET, HEAD" }).end();
    } else if (path === "/status/events") {
      const last = request.headers["last-event-id"];
      watchers.add(
        request,
        response,
        typeof last === "string" ? last : (new URLSearchParams(query).get("after") ?? ""),
      );
    } else if (path === "/status.json") {
      send(request, response, "application/json", JSON.stringify(core.status()));
    } else {
      const status = board.refresh();
      send(request, response, "text/html; charset=utf-8", page(status, board.revision));
    }
    return true;
  };
  return Object.assign(handle, { close: () => watchers.close() });
}

const HEADERS = new Map([
  ["cache-control", "no-store"],
  ["x-content-type-options", "nosniff"],
  ["referrer-policy", "no-referrer"],
  ["cross-origin-resource-policy", "same-origin"],
  [
    "content-security-policy",
    [
      "default-src 'none'",
      `script-src ${hashSource(clientScript)}`,
      `style-src ${hashSource(style)}`,
      "connect-src 'self'",
      "img-src data:",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join("; "),
  ],
]);

function hashSource(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

function send(request: IncomingMessage, response: ServerResponse, type: string, text: string): void {
  const body = Buffer.from(text);
  response.writeHead(200, { "content-type": type, "content-length": body.length });
  response.end(request.method === "HEAD" ? undefined : body);
}
