import { setTimeout as sleep } from "node:timers/promises";
import type { Backend } from "./backend.ts";
import { DnsError } from "../client/dns-error.ts";

/** How many attempts may fail for a transient reason, and how many because somebody else changed the records first. */
const MAX_FAILURES = 8;
const MAX_STALE = 60;
const PAUSE_MS = 100;
const MAX_PAUSE_MS = 3_000;

/** Limits the attempts, and waits between them. */
export class Patience {
  readonly #signal: AbortSignal;
  #failures = 0;
  #stale = 0;
  #open = Number.POSITIVE_INFINITY;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** Returns `undefined` after a transient failure. */
  async try<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof DnsError) || !error.isTransient) throw error;
      this.#failures += 1;
      if (this.#failures >= MAX_FAILURES) throw error;
      await this.pause();
      return undefined;
    }
  }

  /** Notes how many changes are left: progress resets the count of failures. */
  note(open: number): void {
    if (open < this.#open) this.#failures = 0;
    this.#open = open;
  }

  async stale(): Promise<void> {
    this.#stale += 1;
    if (this.#stale >= MAX_STALE) throw new DnsError("others change the same records all the time");
    await this.pause();
  }

  /** Waits longer each time, and for a random time, so that two runs do not collide again. */
  pause(): Promise<void> {
    const longest = Math.min(MAX_PAUSE_MS, PAUSE_MS * 2 ** (this.#failures + this.#stale));
    return sleep(longest * (0.5 + Math.random() / 2), undefined, { signal: this.#signal });
  }
}

/** Repeats reads that fail for a transient reason. Writes are not repeated: only a read shows what they have done. */
export function withPatience(backend: Backend, signal: AbortSignal): Backend {
  const again = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    for (const patience = new Patience(signal); ;) {
      const result = await patience.try(async () => ({ value: await work() }));
      if (result !== undefined) return result.value;
    }
  };
  return {
    zone: backend.zone,
    capabilities: backend.capabilities,
    read: (ids) => again(() => backend.read(ids)),
    nameServers: () => again(() => backend.nameServers()),
    findZone: (name) => again(() => backend.findZone(name)),
    apply: (changes) => backend.apply(changes),
    close: () => backend.close(),
  };
}
