import type { IncomingMessage, ServerResponse } from "node:http";
import type { BootCore } from "../../core/api.ts";
import type { Board } from "./board.ts";

const MAX_WATCHERS = 64;
const LEAST_INTERVAL_MS = 500;
/** The largest share of the time that the search for changes may take. */
const SHARE = 0.1;

interface Watcher {
  response: ServerResponse;
  /** The revision that the page shows after it has received all events written so far. */
  revision: string;
  /** Whether it had unread events at the last heartbeat. */
  late: boolean;
}

/**
 * Sends Server-Sent Events to open pages: `change` with a {@link BoardChange}, and `alive` with each heartbeat. A page with
 * unread events gets none until it has read them, and then one event with all changes. A page that has unread events at
 * two heartbeats in a row is disconnected.
 */
export class Watchers {
  readonly #core: Pick<BootCore, "onStatus">;
  readonly #board: Board;
  readonly #watchers = new Set<Watcher>();
  readonly #heartbeatMs: number;
  #stopListening: (() => void) | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #pending: NodeJS.Timeout | undefined;
  #interval = LEAST_INTERVAL_MS;

  constructor(core: Pick<BootCore, "onStatus">, board: Board, heartbeatMs: number) {
    this.#core = core;
    this.#board = board;
    this.#heartbeatMs = heartbeatMs;
  }

  add(request: IncomingMessage, response: ServerResponse, revision: string): void {
    if (this.#watchers.size >= MAX_WATCHERS) {
      response.writeHead(503, { "retry-after": "10" }).end("Too many status pages are open.\n");
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream", "x-accel-buffering": "no" });
    if (request.method === "HEAD") {
      response.end();
      return;
    }
    request.socket.setNoDelay(true);
    const watcher: Watcher = { response, revision, late: false };
    response.on("drain", () => {
      watcher.late = false;
      this.#send(watcher);
    });
    response.on("error", () => response.destroy());
    response.on("close", () => this.#remove(watcher));
    this.#watchers.add(watcher);
    this.#listen();
    this.#board.refresh();
    if (!this.#send(watcher)) this.#sendAlive(watcher);
  }

  close(): void {
    for (const watcher of this.#watchers) {
      watcher.response.end();
      this.#remove(watcher);
    }
  }

  #remove(watcher: Watcher): void {
    this.#watchers.delete(watcher);
    if (this.#watchers.size > 0) return;
    this.#stopListening?.();
    this.#stopListening = undefined;
    clearInterval(this.#heartbeat);
    clearTimeout(this.#pending);
    this.#pending = undefined;
  }

  #listen(): void {
    if (this.#stopListening !== undefined) return;
    this.#stopListening = this.#core.onStatus(() => this.#schedule());
    this.#heartbeat = setInterval(() => this.#beat(), this.#heartbeatMs).unref();
  }

  #schedule(): void {
    this.#pending ??= setTimeout(() => {
      this.#pending = undefined;
      this.#update();
    }, this.#interval).unref();
  }

  #update(): void {
    const startedAt = performance.now();
    this.#board.refresh();
    for (const watcher of this.#watchers) this.#send(watcher);
    this.#interval = Math.max(LEAST_INTERVAL_MS, (performance.now() - startedAt) / SHARE);
  }

  #beat(): void {
    for (const watcher of this.#watchers) {
      const behind = watcher.response.writableNeedDrain;
      if (behind && watcher.late) watcher.response.destroy();
      watcher.late = behind;
    }
    // Advice can change by the passage of time.
    this.#update();
    for (const watcher of this.#watchers) this.#sendAlive(watcher);
  }

  /** Sends the changes to a page. Returns whether there were any. */
  #send(watcher: Watcher): boolean {
    const { response, revision } = watcher;
    if (response.writableNeedDrain || revision === this.#board.revision) return false;
    watcher.revision = this.#board.revision;
    response.write(`id: ${watcher.revision}\nevent: change\ndata: ${this.#board.changeSince(revision)}\n\n`);
    return true;
  }

  #sendAlive({ response }: Watcher): void {
    if (!response.writableNeedDrain) response.write(`event: alive\ndata: {"at":${this.#board.at}}\n\n`);
  }
}
