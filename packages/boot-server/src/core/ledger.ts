import type { CoreEvent } from "./api.ts";
import { decideByTime } from "./decide.ts";
import type { Entry, Event, OverlayRef } from "./model.ts";
import { Refusal } from "./refusal.ts";
import { apply, createRegistry, keepInstalls, shiftDeadlines, type Registry } from "./registry.ts";
import type { Store } from "./store.ts";

export interface Clock {
  /** The time of day, in milliseconds since 1970: it may be set at any moment. */
  now(): number;
  /** Milliseconds since some moment: it only runs. */
  uptime(): number;
}

interface LedgerOptions {
  clock: Clock;
  maxRecentEvents: number;
  /** Told of what the operator should know. */
  log: (message: string) => void;
  /** Told of each event once it is stored, with its entry before and after. */
  onEvent: (event: Event, before: Entry | undefined, after: Entry | undefined) => void;
}

/** A difference that is no drift: somebody has set the clock. */
const STEP_MS = 2_000;

/** The entries: decides on what is, stores it, and only then makes it so, one command after another. */
export class Ledger {
  readonly registry: Registry;
  /** The latest events; the last one has the number `cursor`. */
  readonly recent: Event[];
  cursor: number;
  /** Why nothing can be stored just now. */
  problem: string | undefined;
  readonly #store: Store;
  readonly #options: LedgerOptions;
  readonly #startedAt: number;
  /** When an installer was heard last, by the uptime: its entry has times of day. */
  readonly #heardAt = new Map<string, number>();
  #clockOffset: number;
  #isStale = false;
  /** One that was killed may have left some, and so may a command that failed. */
  #hasOldOverlays = true;
  #overlayProblem: string | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(store: Store, options: LedgerOptions) {
    const { entries, installs, recent, cursor } = store.stored;
    const { clock } = options;
    this.#store = store;
    this.#options = options;
    this.#startedAt = clock.uptime();
    this.#clockOffset = clock.now() - clock.uptime();
    this.registry = createRegistry(entries, installs);
    this.cursor = cursor;
    this.recent = [...recent];
  }

  /** Takes what was stored, and tells of it. To be called once, before anything else. */
  load(): void {
    const { events, keptInstalls } = this.#store.stored;
    for (const event of this.recent) {
      this.#options.onEvent(event, undefined, this.registry.entries.get(event.id));
    }
    for (const event of events) this.#take(event);
    keepInstalls(this.registry, keptInstalls);
  }

  /** Refused, with nothing changed, when it cannot be stored. */
  async commit(decide: () => Event[] | Promise<Event[]>): Promise<Event[]> {
    const work = this.#queue.then(async () => {
      await this.storing(async () => this.#recover());
      if (this.#hasOldOverlays) await this.#dropOverlays();
      await this.#record(this.#eventsByTime());
      const events = await decide();
      await this.#record(events);
      return events;
    });
    this.#queue = work.catch(() => {});
    return work;
  }

  /** Does what time and the failures of others have made necessary. */
  async tick(): Promise<void> {
    this.#followClock();
    const { changedInstalls } = this.registry;
    const isBehind =
      this.problem !== undefined ||
      this.#hasOldOverlays ||
      this.#isStale ||
      !this.#store.isIntact ||
      changedInstalls.size > 0;
    if (isBehind || this.#eventsByTime().length > 0) await this.commit(() => []).catch(() => {});
  }

  /** For how long the installer of an entry has said nothing; silence before this server was there is none. */
  quietMs(id: string): number {
    return this.#options.clock.uptime() - (this.#heardAt.get(id) ?? this.#startedAt);
  }

  step(event: Event, cursor: number): CoreEvent {
    const { id, at } = event;
    return { kind: "step", cursor, id, at, event, entry: this.registry.entries.get(id) };
  }

  async idle(): Promise<void> {
    await this.#queue.catch(() => {});
  }

  async #record(events: Event[]): Promise<void> {
    if (events.length === 0) return;
    await this.storing(async () => {
      await this.#store.append(events);
      for (const event of events) this.#take(event);
      // Also when what follows fails.
      this.#hasOldOverlays ||= events.some(({ kind }) => ["put", "deleted", "installed"].includes(kind));
      await this.#saveInstalls();
    });
    if (this.#hasOldOverlays) await this.#dropOverlays();
    if (!this.#store.isLong) return;
    // The events are stored: that this fails is no reason to refuse them.
    await this.#rewrite().catch((error: Error) =>
      this.#options.log(`cannot shorten the journal: ${error.message}`),
    );
  }

  /** Stores what an entry has that is then put. */
  async storeOverlay(overlay: OverlayRef, bytes: Uint8Array): Promise<void> {
    // Nothing needs it when the entry cannot be stored.
    this.#hasOldOverlays = true;
    await this.storing(async () => this.#store.overlays.put(overlay, bytes));
  }

  /** Takes the secrets of files that no entry has any more from the disk. */
  async #dropOverlays(): Promise<void> {
    const needed = [...this.registry.entries.values()].flatMap(({ spec }) => spec.overlay?.sha256 ?? []);
    try {
      await this.#store.overlays.keepOnly(new Set(needed));
      this.#hasOldOverlays = false;
      this.#overlayProblem = undefined;
    } catch (error) {
      const problem = `cannot remove old overlays: ${(error as Error).message}`;
      if (this.#overlayProblem === undefined) this.#options.log(problem);
      this.#overlayProblem = problem;
    }
  }

  /** Makes what is stored certain and complete before anything is decided on it. */
  async #recover(): Promise<void> {
    this.#followClock();
    if (this.#isStale || !this.#store.isIntact) await this.#rewrite();
    await this.#saveInstalls();
  }

  async #rewrite(): Promise<void> {
    const { entries, installs } = this.registry;
    await this.#store.rewrite({
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
    await this.#store.saveInstalls(changedInstalls, installs);
    changedInstalls.clear();
  }

  /** Does something that only works when the store does; refused, and told to the operator, when it fails. */
  async storing(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const { message, code } = error as NodeJS.ErrnoException;
      const problem = `nothing can be stored at the moment${code === undefined ? "" : ` (${code})`}: the log of the service says more`;
      if (problem !== this.problem) this.#options.log(`no command is taken: cannot store it: ${message}`);
      this.problem = problem;
      throw new Refusal("unavailable", problem);
    }
    if (this.problem !== undefined) this.#options.log("commands are taken again: storing works");
    this.problem = undefined;
  }

  #take(event: Event): void {
    const { entries } = this.registry;
    const before = entries.get(event.id);
    const after = apply(this.registry, event);
    this.cursor++;
    this.recent.push(event);
    if (this.recent.length > this.#options.maxRecentEvents) this.recent.shift();
    if (event.kind === "claimed" || event.kind === "reported") {
      this.#heardAt.set(event.id, this.#options.clock.uptime());
    } else if (after === undefined) this.#heardAt.delete(event.id);
    this.#options.onEvent(event, before, after);
  }

  #eventsByTime(): Event[] {
    const now = this.#options.clock.now();
    return [...this.registry.entries.values()].flatMap((entry) =>
      decideByTime(entry, now, this.quietMs(entry.spec.id)),
    );
  }

  #followClock(): void {
    const { clock, log } = this.#options;
    const offset = clock.now() - clock.uptime();
    const step = offset - this.#clockOffset;
    if (Math.abs(step) < STEP_MS) return;
    this.#clockOffset = offset;
    log(
      `the clock was set by ${Math.round(step / 1000)} s: entries expire that much ${step > 0 ? "later" : "earlier"}`,
    );
    shiftDeadlines(this.registry, step);
    this.#isStale = true;
  }
}
