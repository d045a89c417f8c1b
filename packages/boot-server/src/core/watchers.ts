import type { CoreEvent } from "./api.ts";
import type { Ledger } from "./ledger.ts";
import type { Event } from "./model.ts";
import { Refusal } from "./refusal.ts";

type Callback = (event: CoreEvent) => void;

/** Sends events to watchers. */
export class Watchers {
  readonly #ledger: Ledger;
  readonly #callbacks = new Set<Callback>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** Sends the event that was stored last. */
  stored(event: Event): void {
    this.#tell(this.#step(event, this.#ledger.cursor));
  }

  /** Sends the progress of a download, which is not stored. */
  download(id: string, at: number, download: { name: string; sent: number; size: number }): void {
    this.#tell({ kind: "download", cursor: this.#ledger.cursor, id, at, ...download });
  }

  watch(afterCursor: number | undefined, onEvent: Callback): () => void {
    const { cursor, recent } = this.#ledger;
    const after = afterCursor ?? cursor;
    const first = cursor - recent.length;
    if (after < first || after > cursor) {
      throw new Refusal(
        "absent",
        `the events after ${after} are not available: the server has those after ${first}, up to ${cursor}`,
      );
    }
    for (const [i, event] of recent.slice(after - first).entries()) onEvent(this.#step(event, after + i + 1));
    this.#callbacks.add(onEvent);
    return () => this.#callbacks.delete(onEvent);
  }

  close(): void {
    this.#callbacks.clear();
  }

  #tell(event: CoreEvent): void {
    for (const callback of this.#callbacks) callback(event);
  }

  #step(event: Event, cursor: number): CoreEvent {
    const { id, at } = event;
    return { kind: "step", cursor, id, at, event, entry: this.#ledger.registry.entries.get(id) };
  }
}
