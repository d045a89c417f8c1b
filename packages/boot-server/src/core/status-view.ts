import { adviceFor } from "./advice.ts";
import type { EntryStatus, MachineFacts, MachineStatus, Sighting, ServiceStatus } from "./api.ts";
import type { Clock } from "./clock.ts";
import { describeEvent } from "./describe-event.ts";
import type { Ledger } from "./ledger.ts";
import { Machines, type Machine } from "./machines.ts";
import type { Limits } from "./limits.ts";
import type { Entry, Event } from "./model.ts";
import type { NeededAssets } from "./needed-assets.ts";
import { entryOfMac } from "./registry.ts";
import type { Watchers } from "./watchers.ts";

/** The shortest time between two callbacks. */
const INTERVAL_MS = 250;

interface Parts {
  clock: Clock;
  limits: Limits;
  ledger: Ledger;
  assets: NeededAssets;
  watchers: Watchers;
}

/** The status that is shown: the machines, their timelines and the advice. In memory only. */
export class StatusView {
  readonly #parts: Parts;
  readonly #machines: Machines;
  readonly #startedAt: number;
  readonly #callbacks = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#startedAt = parts.clock.now();
    this.#machines = new Machines(parts.limits, (mac) => this.#entryOf(mac) !== undefined);
  }

  status(): ServiceStatus {
    const { clock, ledger } = this.#parts;
    const { cursor, problem } = ledger;
    const at = clock.now();
    return { at, startedAt: this.#startedAt, cursor, problem, machines: this.#shown(at) };
  }

  /** Calls back after the status has changed, at most every 250 ms. Returns a function that ends it. */
  onStatus(callback: () => void): () => void {
    this.#callbacks.add(callback);
    return () => this.#callbacks.delete(callback);
  }

  /** Schedules the callbacks. */
  changed(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      for (const callback of this.#callbacks) callback();
    }, INTERVAL_MS).unref();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#callbacks.clear();
  }

  /** Adds a stored event to the timelines of its machines. */
  event(event: Event, entry: Entry | undefined): void {
    const macs = event.kind === "booted" ? [event.boot.mac] : (entry?.spec.macs ?? []);
    for (const mac of macs) this.#machines.note(mac, describeEvent(event), event.at);
    if (isFromMachine(event) && entry?.boot !== undefined) {
      this.#machines.get(entry.boot.mac).lastSeenAt = event.at;
    }
    this.changed();
  }

  /** Adds a line to the timeline of one machine. */
  note(mac: string, text: string, at: number): void {
    this.#machines.note(mac, text, at);
    this.changed();
  }

  askedForScript(mac: string, facts: MachineFacts, at: number): void {
    this.#machines.askedForScript(mac, facts, at);
  }

  /** Runs a decision. If it is refused, the timelines of the entry's machines say so: "<what>: <reason>". */
  showingRefusal<T>(entry: Entry | undefined, what: string, decide: () => T): T {
    try {
      return decide();
    } catch (error) {
      const text = `${what}: ${(error as Error).message}`;
      for (const mac of entry?.spec.macs ?? []) this.#machines.note(mac, text, this.#parts.clock.now());
      this.changed();
      throw error;
    }
  }

  sighted(sighting: Sighting): void {
    const { mac, address } = sighting;
    const at = this.#parts.clock.now();
    if (mac !== undefined) this.#see(mac, sighting, at);
    else if (address !== undefined) void this.#seeByAddress(address, sighting, at);
  }

  async #seeByAddress(address: string, sighting: Sighting, at: number): Promise<void> {
    const mac = await this.#machines.macOf(address, at);
    if (mac !== undefined) this.#see(mac, sighting, at);
  }

  #see(mac: string, sighting: Sighting, at: number): void {
    this.#machines.see(mac, sighting, at);
    const id = this.#entryOf(mac)?.spec.id;
    const { download } = sighting;
    if (id !== undefined && download !== undefined) this.#parts.watchers.download(id, at, download);
    this.changed();
  }

  /** Returns the machines that were seen or that an entry names. */
  #shown(now: number): MachineStatus[] {
    const { registry } = this.#parts.ledger;
    for (const mac of registry.ids.keys()) this.#machines.get(mac);
    return this.#machines
      .all()
      .filter(({ mac, lastSeenAt }) => lastSeenAt !== undefined || registry.ids.has(mac))
      .map((machine) => this.#machineStatus(machine, now));
  }

  #machineStatus(machine: Machine, now: number): MachineStatus {
    const { mac, address, facts, lastSeenAt, downloads, timeline } = machine;
    const entry = this.#entryOf(mac);
    const missingAssets = entry !== undefined && this.#parts.assets.isIncomplete(entry);
    return {
      mac,
      entry: entry && entryStatus(entry),
      address,
      facts,
      lastSeenAt,
      downloads: [...downloads.values()],
      timeline: timeline.map(({ at, text }) => ({ at, text })),
      advice: adviceFor(machine, entry, { missingAssets, now }),
    };
  }

  #entryOf(mac: string): Entry | undefined {
    return entryOfMac(this.#parts.ledger.registry, mac);
  }
}

/** Returns whether the machine itself caused the event. A boot is recorded by {@link StatusView.askedForScript}. */
function isFromMachine({ kind }: Event): boolean {
  return ["delivered", "refused", "claimed", "reported", "installed", "failed"].includes(kind);
}

function entryStatus({ spec, phase, attempt, boot, claim, ...entry }: Entry): EntryStatus {
  const { armedAt, expiresAt, endedAt, reason, report } = entry;
  return {
    id: spec.id,
    phase,
    generation: spec.installGeneration,
    attempt,
    architecture: spec.architecture,
    login: spec.login,
    armedAt,
    expiresAt,
    bootedAt: boot?.startedAt,
    claimedAt: claim?.claimedAt,
    endedAt,
    reason,
    report,
  };
}
