import { checkSpec } from "./check-spec.ts";
import type { Clock } from "./clock.ts";
import { decideDelete, decidePut } from "./decide-entry.ts";
import { digestOf } from "./digest.ts";
import type { Ledger } from "./ledger.ts";
import type { Limits } from "./limits.ts";
import type { Entry, EntrySpec } from "./model.ts";
import type { NeededAssets } from "./needed-assets.ts";
import { splitSpec } from "./overlay.ts";
import type { HardwareStore } from "./store.ts";

interface Parts {
  clock: Clock;
  limits: Limits;
  ledger: Ledger;
  assets: NeededAssets;
  hardware: HardwareStore;
  /** Called when an entry has changed, so that other assets may be needed. */
  onChange: () => Promise<void>;
}

/** Handles the commands of operators. */
export class EntryCommands {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async put(request: EntrySpec): Promise<{ entry: Entry; changed: boolean }> {
    const { limits, ledger, assets, clock, onChange } = this.#parts;
    checkSpec(request, limits);
    const digest = digestOf(request);
    const { spec, bytes } = splitSpec(request);
    const { entry, events } = await ledger.commit(async () => {
      const entry = ledger.registry.entries.get(spec.id);
      const missing = await assets.firstMissing(spec);
      const { maxEntries } = limits;
      const events = decidePut(ledger.registry, { spec, digest, missing, maxEntries, at: clock.now() });
      // Stored before the entry that refers to it. A lost overlay is stored again when its entry is put again.
      if (events.length > 0) await ledger.storeOverlay(spec.overlay, bytes);
      return { entry, events };
    });
    const changed = events.some(({ kind }) => kind === "put");
    if (changed) await onChange();
    return { entry: entry!, changed };
  }

  async delete(id: string): Promise<boolean> {
    const { ledger, clock, hardware } = this.#parts;
    const { events } = await ledger.commit(() => {
      const entry = ledger.registry.entries.get(id);
      return { entry, events: decideDelete(entry, clock.now()) };
    });
    await hardware.remove(id);
    return events.length > 0;
  }
}
