import type { Entry, Event, OverlayRef } from "./model.ts";
import type { OverlayStore } from "./store.ts";

/** Stores the overlays of entries. Removes all others, because they may contain secrets. */
export class OverlaysInUse {
  readonly #store: OverlayStore;
  readonly #log: (message: string) => void;
  /** Initially true, because a server that was killed may have left some. */
  #mayHaveOld = true;
  #problem: string | undefined;

  constructor(store: OverlayStore, log: (message: string) => void) {
    this.#store = store;
    this.#log = log;
  }

  /** Whether the store may contain overlays that no entry uses. */
  get mayHaveOld(): boolean {
    return this.#mayHaveOld;
  }

  async has(overlay: OverlayRef): Promise<boolean> {
    return this.#store.has(overlay);
  }

  async put(overlay: OverlayRef, bytes: Uint8Array): Promise<void> {
    // If its entry cannot be stored, no entry uses the overlay.
    this.#mayHaveOld = true;
    await this.#store.put(overlay, bytes);
  }

  /** Must be called after events are stored: some of them leave an unused overlay. */
  after(events: readonly Event[]): void {
    this.#mayHaveOld ||= events.some(({ kind }) => ["put", "deleted", "installed"].includes(kind));
  }

  /** Removes the overlays that no entry uses. A failure is logged once, and does not refuse the command. */
  async dropOld(entries: Iterable<Entry>): Promise<void> {
    if (!this.#mayHaveOld) return;
    const needed = [...entries].flatMap(({ spec }) => spec.overlay?.sha256 ?? []);
    try {
      await this.#store.keepOnly(new Set(needed));
      this.#mayHaveOld = false;
      this.#problem = undefined;
    } catch (error) {
      const problem = `cannot remove old overlays: ${(error as Error).message}`;
      if (this.#problem === undefined) this.#log(problem);
      this.#problem = problem;
    }
  }
}
