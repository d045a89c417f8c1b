import { ClockWatch, type Clock } from "./clock.ts";
import { decideByTime } from "./decide-install.ts";
import type { Entry, Event, OverlayRef } from "./model.ts";
import { OverlaysInUse } from "./overlays-in-use.ts";
import { apply, createRegistry, keepInstalls, shiftDeadlines, type Registry } from "./registry.ts";
import { StoreHealth } from "./store-health.ts";
import type { Store } from "./store.ts";

export interface LedgerOptions {
  store: Store;
  clock: Clock;
  maxRecentEvents: number;
  /** Receives messages for the operator. */
  log: (message: string) => void;
}

/** Called for each event after it was stored, with its entry before and after. */
export type OnEvent = (event: Event, before: Entry | undefined, after: Entry | undefined) => void;

/** A decision about an entry. */
export interface Change {
  events: Event[];
  /** The entry, `undefined` if it does not exist. */
  entry: Entry | undefined;
}

/** Holds the entries. Runs commands one after another: makes a decision, stores it, and applies it. */
export class Ledger {
  readonly registry: Registry;
  /** The latest events; the last one has the number `cursor`. */
  readonly recent: Event[];
  cursor: number;
  readonly #options: LedgerOptions;
  readonly #health: StoreHealth;
  readonly #overlays: OverlaysInUse;
  readonly #clockWatch: ClockWatch;
  /** The time of the last claim or report of each installer, by the uptime, because the time of day may be set. */
  readonly #heardAt = new Map<string, number>();
  readonly #startedAt: number;
  #isStale = false;
  #queue: Promise<unknown> = Promise.resolve();
  #onEvent: OnEvent = () => {};

  constructor(options: LedgerOptions) {
    const { store, clock, log } = options;
    const { entries, installs, recent, cursor } = store.stored;
    this.#options = options;
    this.#health = new StoreHealth(log);
    this.#overlays = new OverlaysInUse(store.overlays, log);
    this.#clockWatch = new ClockWatch(clock);
    this.#startedAt = clock.uptime();
    this.registry = createRegistry(entries, installs);
    this.cursor = cursor;
    this.recent = [...recent];
  }

  /** Why nothing can be stored at the moment, `undefined` if it can. */
  get problem(): string | undefined {
    return this.#health.problem;
  }

  /** Applies the stored events. Calls back for each of them and for each later event. Must be called once, first. */
  load(onEvent: OnEvent): void {
    const { events, keptInstalls } = this.#options.store.stored;
    this.#onEvent = onEvent;
    for (const event of this.recent) onEvent(event, undefined, this.registry.entries.get(event.id));
    for (const event of events) this.#apply(event);
    keepInstalls(this.registry, keptInstalls);
  }

  /** Stores and applies a decision. Returns it with the resulting entry. Refused if it cannot be stored. */
  async commit<T extends Change>(decide: () => T | Promise<T>): Promise<T> {
    const work = this.#queue.then(async () => {
      await this.#catchUp();
      const change = await decide();
      if (change.events.length === 0) return change;
      return { ...change, entry: await this.#record(change.events) };
    });
    this.#queue = work.catch(() => {});
    return work;
  }

  /** Stores the events of the passage of time, and retries writes that have failed. */
  async tick(): Promise<void> {
    await this.commit(() => ({ events: [], entry: undefined })).catch(() => {});
  }

  /** Returns the time since the last claim or report of an entry's installer, or since this server started, in milliseconds. */
  quietMs(id: string): number {
    return this.#options.clock.uptime() - (this.#heardAt.get(id) ?? this.#startedAt);
  }

  /** Stores the overlay of an entry that is about to be put, unless the store has it. */
  async storeOverlay(overlay: OverlayRef, bytes: Uint8Array): Promise<void> {
    if (await this.#overlays.has(overlay)) return;
    await this.#health.storing(async () => this.#overlays.put(overlay, bytes));
  }

  /** Waits for the commands in progress. */
  async idle(): Promise<void> {
    await this.#queue.catch(() => {});
  }

  /** Brings the store up to date, so that the next decision is based on what is stored. */
  async #catchUp(): Promise<void> {
    await this.#health.storing(async () => {
      this.#followClock();
      if (this.#isStale || !this.#options.store.isIntact) await this.#rewrite();
      await this.#saveInstalls();
    });
    await this.#overlays.dropOld(this.registry.entries.values());
    const events = this.#eventsByTime();
    if (events.length > 0) await this.#record(events);
  }

  /** Stores and applies events, and returns the entry after the last one. */
  async #record(events: Event[]): Promise<Entry | undefined> {
    const { store, log } = this.#options;
    let entry: Entry | undefined;
    await this.#health.storing(async () => {
      await store.append(events);
      for (const event of events) entry = this.#apply(event);
      // Must run even if saving the installs fails.
      this.#overlays.after(events);
      await this.#saveInstalls();
    });
    await this.#overlays.dropOld(this.registry.entries.values());
    if (store.isLong) {
      // The events are stored, so this failure does not refuse them.
      await this.#rewrite().catch((error: Error) => log(`cannot shorten the journal: ${error.message}`));
    }
    return entry;
  }

  async #rewrite(): Promise<void> {
    const { entries, installs } = this.registry;
    await this.#options.store.rewrite({
      cursor: this.cursor,
      entries: [...entries.values()],
      installs: [...installs],
      recent: this.recent,
    });
    this.#isStale = false;
  }

  async #saveInstalls(): Promise<void> {
    const { installs, changedInstalls } = this.registry;
    if (changedInstalls.size === 0) return;
    await this.#options.store.saveInstalls(changedInstalls, installs);
    changedInstalls.clear();
  }

  #apply(event: Event): Entry | undefined {
    const before = this.registry.entries.get(event.id);
    const after = apply(this.registry, event);
    this.cursor++;
    this.recent.push(event);
    if (this.recent.length > this.#options.maxRecentEvents) this.recent.shift();
    if (event.kind === "claimed" || event.kind === "reported") {
      this.#heardAt.set(event.id, this.#options.clock.uptime());
    } else if (after === undefined) this.#heardAt.delete(event.id);
    this.#onEvent(event, before, after);
    return after;
  }

  #eventsByTime(): Event[] {
    const now = this.#options.clock.now();
    return [...this.registry.entries.values()].flatMap((entry) =>
      decideByTime(entry, now, this.quietMs(entry.spec.id)),
    );
  }

  #followClock(): void {
    const step = this.#clockWatch.step();
    if (step === 0) return;
    const seconds = Math.round(step / 1000);
    this.#options.log(
      `the clock was set by ${seconds} s: entries expire that much ${step > 0 ? "later" : "earlier"}`,
    );
    shiftDeadlines(this.registry, step);
    this.#isStale = true;
  }
}
