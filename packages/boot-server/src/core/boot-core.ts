import type { BootCore, CoreEvent, MachineFacts, ReportRequest, Sighting } from "./api.ts";
import type { Clock } from "./clock.ts";
import { EntryCommands } from "./entry-commands.ts";
import { Ledger } from "./ledger.ts";
import type { Limits } from "./limits.ts";
import { MachineCommands } from "./machine-commands.ts";
import type { AssetRef, EntrySpec } from "./model.ts";
import { NeededAssets } from "./needed-assets.ts";
import { StatusView } from "./status-view.ts";
import type { Store } from "./store.ts";
import { Watchers } from "./watchers.ts";

export interface BootCoreParts {
  /** Used by the core alone, which closes it. */
  store: Store;
  limits: Limits;
  /** Receives messages for the operator. */
  log: (message: string) => void;
  clock: Clock;
}

const TICK_MS = 1_000;
const COLLECT_MS = 600_000;

/** Starts the core of the boot service. It decides, stores its decisions, and knows nothing of TFTP, HTTP and gRPC. */
export function createBootCore(parts: BootCoreParts): BootCore {
  return new Core(parts);
}

class Core implements BootCore {
  readonly #parts: BootCoreParts;
  readonly #ledger: Ledger;
  readonly #assets: NeededAssets;
  readonly #watchers: Watchers;
  readonly #view: StatusView;
  readonly #operator: EntryCommands;
  readonly #machine: MachineCommands;
  readonly #timers: NodeJS.Timeout[];

  constructor(parts: BootCoreParts) {
    const { store, limits, clock, log } = parts;
    const { hardware, overlays } = store;
    const ledger = new Ledger({ store, clock, log, maxRecentEvents: limits.maxRecentEvents });
    const watchers = new Watchers(ledger);
    const assets = new NeededAssets(store.assets, () => view.changed());
    const view = new StatusView({ clock, limits, ledger, assets, watchers });
    const onChange = async () => this.#collect();
    this.#parts = parts;
    this.#ledger = ledger;
    this.#assets = assets;
    this.#watchers = watchers;
    this.#view = view;
    this.#operator = new EntryCommands({ clock, limits, ledger, assets, hardware, onChange });
    this.#machine = new MachineCommands({ clock, ledger, view, assets, overlays, hardware });
    ledger.load((event, before, after) => {
      view.event(event, after ?? before);
      watchers.stored(event);
    });
    this.#timers = [
      setInterval(() => void ledger.tick(), TICK_MS).unref(),
      setInterval(() => void this.#collect(), COLLECT_MS).unref(),
    ];
    void this.#collect();
  }

  get cursor() {
    return this.#ledger.cursor;
  }

  get problem() {
    return this.#ledger.problem;
  }

  async putEntry(spec: EntrySpec) {
    return this.#operator.put(spec);
  }

  getEntry(id: string) {
    return this.#ledger.registry.entries.get(id);
  }

  listEntries() {
    return [...this.#ledger.registry.entries.values()];
  }

  async deleteEntry(id: string) {
    return this.#operator.delete(id);
  }

  async findMissingAssets(sources: { asset: AssetRef; storePath: string }[]) {
    return this.#assets.findMissing(sources);
  }

  async addAsset(asset: AssetRef, data: AsyncIterable<Uint8Array>) {
    await this.#assets.add(asset, data);
  }

  async startBoot(mac: string, facts: MachineFacts) {
    return this.#machine.startBoot(mac, facts);
  }

  async openAsset(mac: string, which: "kernel" | { initrd: number }) {
    return this.#machine.openAsset(mac, which);
  }

  overlay(bootId: string, address: string) {
    return this.#machine.overlay(bootId, address);
  }

  async claim(entryId: string, request: { token: string; bootId: string; address: string }) {
    return this.#machine.claim(entryId, request);
  }

  async report(entryId: string, token: string, request: ReportRequest) {
    await this.#machine.report(entryId, token, request);
  }

  async reportHardware(entryId: string, token: string, report: Uint8Array) {
    await this.#machine.reportHardware(entryId, token, report);
  }

  async hardwareReport(entryId: string) {
    return this.#parts.store.hardware.get(entryId);
  }

  sighted(sighting: Sighting) {
    this.#view.sighted(sighting);
  }

  status() {
    return this.#view.status();
  }

  watch(afterCursor: number | undefined, onEvent: (event: CoreEvent) => void) {
    return this.#watchers.watch(afterCursor, onEvent);
  }

  onStatus(callback: () => void) {
    return this.#view.onStatus(callback);
  }

  async close() {
    for (const timer of this.#timers) clearInterval(timer);
    this.#view.close();
    this.#watchers.close();
    await this.#ledger.idle();
    await this.#parts.store.close();
  }

  async #collect(): Promise<void> {
    try {
      await this.#assets.collect(this.listEntries());
    } catch (error) {
      this.#parts.log(`cannot remove unused assets: ${(error as Error).message}`);
    }
  }
}
