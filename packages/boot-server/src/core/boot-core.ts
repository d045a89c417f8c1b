import { randomBytes } from "node:crypto";
import { adviceFor } from "./advice.ts";
import type {
  BootCore,
  BootDecision,
  CoreEvent,
  EntryStatus,
  MachineFacts,
  OpenAsset,
  OverlayContents,
  ReportRequest,
  Sighting,
  Status,
} from "./api.ts";
import { checkSpec } from "./check-spec.ts";
import {
  allowHardwareReport,
  authenticated,
  decideAsset,
  decideBoot,
  decideClaim,
  decideDelivered,
  decideOverlay,
  decidePut,
  decideReport,
  digestOf,
  type BootOutcome,
} from "./decide.ts";
import { describeEvent } from "./describe-event.ts";
import { Ledger, type Clock } from "./ledger.ts";
import type { Limits } from "./limits.ts";
import { Machines } from "./machines.ts";
import type { AssetRef, Boot, Entry, EntrySpec, Event } from "./model.ts";
import { readOverlay, splitSpec } from "./overlay.ts";
import { withoutSecrets } from "./report-secrets.ts";
import { Refusal } from "./refusal.ts";
import { entryOfMac } from "./registry.ts";
import type { Store } from "./store.ts";

interface Parts {
  store: Store;
  limits: Limits;
  /** Told of what the operator should know. */
  log: (message: string) => void;
  clock: Clock;
}

const TICK_MS = 1_000;
const COLLECT_MS = 600_000;
const STATUS_INTERVAL_MS = 250;

/** The service's memory, over a store that it has to itself. */
export function createBootCore(parts: Parts): BootCore {
  return new Core(parts);
}

class Core implements BootCore {
  readonly #parts: Parts;
  readonly #ledger: Ledger;
  readonly #machines: Machines;
  readonly #startedAt: number;
  readonly #watchers = new Set<(event: CoreEvent) => void>();
  readonly #statusWatchers = new Set<() => void>();
  readonly #missing = new Set<string>();
  readonly #timers: NodeJS.Timeout[] = [];
  #statusTimer: NodeJS.Timeout | undefined;

  constructor(parts: Parts) {
    const { store, limits, clock, log } = parts;
    this.#parts = parts;
    this.#startedAt = clock.now();
    const { maxRecentEvents } = limits;
    this.#machines = new Machines(limits, (mac) => this.#entryOf(mac) !== undefined);
    this.#ledger = new Ledger(store, {
      clock,
      log,
      maxRecentEvents,
      onEvent: (event, before, after) => this.#onEvent(event, before, after),
    });
    this.#ledger.load();
    this.#timers.push(
      setInterval(() => void this.#ledger.tick(), TICK_MS).unref(),
      setInterval(() => void this.#collect(), COLLECT_MS).unref(),
    );
    void this.#collect();
  }

  get cursor(): number {
    return this.#ledger.cursor;
  }

  get problem(): string | undefined {
    return this.#ledger.problem;
  }

  async putEntry(request: EntrySpec): Promise<{ entry: Entry; changed: boolean }> {
    const { limits, store, clock } = this.#parts;
    checkSpec(request, limits);
    const digest = digestOf(request);
    const { spec, bytes } = splitSpec(request);
    const events = await this.#ledger.commit(async () => {
      const { entries } = this.#ledger.registry;
      if (!entries.has(spec.id) && entries.size >= limits.maxEntries) {
        throw new Refusal("limit", `there are ${limits.maxEntries} entries already`);
      }
      const events = decidePut(this.#ledger.registry, spec, digest, clock.now());
      await this.#refuseMissing(spec);
      // Before the entry that names it; one that was lost comes back when its entry is put again.
      if (events.length > 0 && !(await store.overlays.has(spec.overlay!))) {
        await this.#ledger.storeOverlay(spec.overlay!, bytes);
      }
      return events;
    });
    const changed = events.some(({ kind }) => kind === "put");
    if (changed) await this.#collect();
    return { entry: this.#ledger.registry.entries.get(spec.id)!, changed };
  }

  getEntry(id: string): Entry | undefined {
    return this.#registry.entries.get(id);
  }

  listEntries(): Entry[] {
    return [...this.#registry.entries.values()];
  }

  async deleteEntry(id: string): Promise<boolean> {
    const events = await this.#ledger.commit(() =>
      this.#registry.entries.has(id) ? [{ kind: "deleted", id, at: this.#parts.clock.now() }] : [],
    );
    await this.#parts.store.hardware.remove(id);
    return events.length > 0;
  }

  async findMissingAssets(sources: { asset: AssetRef; storePath: string }[]): Promise<AssetRef[]> {
    const { assets } = this.#parts.store;
    const missing: AssetRef[] = [];
    for (const { asset, storePath } of sources) {
      const there = (await assets.has(asset)) || (storePath !== "" && (await assets.adopt(asset, storePath)));
      if (there) assets.touch(asset);
      else missing.push(asset);
    }
    return missing;
  }

  async addAsset(asset: AssetRef, data: AsyncIterable<Uint8Array>): Promise<void> {
    await this.#parts.store.assets.add(asset, data);
    this.#missing.delete(asset.sha256);
  }

  async startBoot(mac: string, facts: MachineFacts): Promise<BootDecision> {
    const now = this.#parts.clock.now();
    let outcome: BootOutcome | undefined;
    const events = await this.#ledger.commit(() => {
      const entry = this.#entryOf(mac);
      outcome = entry && decideBoot(entry, newBoot(mac, facts, now), this.#ledger.quietMs(entry.spec.id));
      return outcome?.events ?? [];
    });
    const entry = this.#entryOf(mac);
    if (outcome?.isWrongMachine === true) {
      const { address, architecture, firmware } = facts;
      const text = `Asked for its script as ${architecture} (${firmware}), but its entry is for ${entry?.spec.architecture}`;
      this.sighted({ mac, address, text, problem: "wrong-architecture" });
      return { kind: "local", reason: outcome.reason, entry, isWrongMachine: true };
    }
    this.#machines.askedForScript(mac, facts, now);
    const last = events.at(-1);
    if (entry !== undefined && last?.kind === "booted")
      return { kind: "install", entry, bootId: last.boot.id };
    const { kind, reason } = outcome ?? { kind: "local", reason: "nobody has declared this machine" };
    const what = kind === "wait" ? "is to wait" : "is to boot from disk";
    this.#machines.note(mac, `Asked for its script, and ${what}: ${reason}`, now);
    this.#statusChanged();
    return kind === "wait" ? { kind, reason } : { kind: "local", reason, entry };
  }

  async openAsset(mac: string, which: "kernel" | { initrd: number }): Promise<OpenAsset> {
    const asset = decideAsset(this.#entryOf(mac), which);
    const open = await this.#parts.store.assets.open(asset);
    if (open !== undefined) return open;
    this.#missing.add(asset.sha256);
    this.#statusChanged();
    throw new Refusal("absent", "the file is no longer there: the deployment has to be applied again");
  }

  overlay(bootId: string, address: string): OverlayContents {
    const entry = this.listEntries().find(({ boot }) => boot?.id === bootId);
    const { boot, overlay } = this.#noting(entry, `${address} asked for its overlay, and was refused`, () =>
      decideOverlay(entry, address),
    );
    const { id, installGeneration } = entry!.spec;
    return {
      entryId: id,
      mac: boot.mac,
      generation: installGeneration,
      token: boot.token,
      files: async () => {
        const bytes = overlay === null ? undefined : await this.#parts.store.overlays.get(overlay);
        if (bytes !== undefined) return readOverlay(bytes);
        throw new Refusal("absent", "the overlay is no longer there: the deployment has to be applied again");
      },
      delivered: async () => {
        await this.#ledger.commit(() => decideDelivered(this.getEntry(id), bootId, this.#parts.clock.now()));
      },
    };
  }

  async claim(
    entryId: string,
    request: { token: string; bootId: string; address: string },
  ): Promise<{ generation: number; attempt: number }> {
    await this.#ledger.commit(() =>
      this.#noting(this.getEntry(entryId), `A claim from ${request.address} was refused`, () =>
        decideClaim(this.getEntry(entryId), request, this.#parts.clock.now()),
      ),
    );
    const { spec, attempt } = this.getEntry(entryId)!;
    return { generation: spec.installGeneration, attempt };
  }

  async report(entryId: string, token: string, request: ReportRequest): Promise<void> {
    await this.#ledger.commit(async () => {
      const entry = this.getEntry(entryId);
      const what = "A report was refused";
      const { spec, boot } = this.#noting(entry, what, () => authenticated(entry, token));
      const { overlays } = this.#parts.store;
      const bytes = spec.overlay === null ? undefined : await overlays.get(spec.overlay);
      const secrets = bytes === undefined ? [] : readOverlay(bytes).filter(({ secret }) => secret);
      const clean = withoutSecrets(request, [
        boot!.token,
        ...secrets.map(({ contents }) => contents.toString("utf8")),
      ]);
      return this.#noting(entry, what, () => decideReport(entry, token, clean, this.#parts.clock.now()));
    });
  }

  async reportHardware(entryId: string, token: string, report: Uint8Array): Promise<void> {
    allowHardwareReport(this.#registry.entries.get(entryId), token);
    await this.#parts.store.hardware.put(entryId, report);
  }

  async hardwareReport(entryId: string): Promise<Buffer | undefined> {
    return this.#parts.store.hardware.get(entryId);
  }

  sighted(sighting: Sighting): void {
    const { mac, address } = sighting;
    const at = this.#parts.clock.now();
    if (mac !== undefined) this.#see(mac, sighting, at);
    else if (address !== undefined) void this.#seeByAddress(address, sighting, at);
  }

  status(): Status {
    const now = this.#parts.clock.now();
    for (const { spec } of this.#registry.entries.values()) {
      for (const mac of spec.macs) this.#machines.get(mac);
    }
    const known = this.#machines
      .all()
      .filter(({ mac, lastSeenAt }) => lastSeenAt !== undefined || this.#registry.ids.has(mac));
    const machines = known.map((machine) => {
      const entry = this.#entryOf(machine.mac);
      const { mac, address, facts, lastSeenAt } = machine;
      const missingAssets =
        entry !== undefined &&
        [entry.spec.kernel, ...entry.spec.initrds].some(({ sha256 }) => this.#missing.has(sha256));
      return {
        mac,
        entry: entry === undefined ? undefined : statusOf(entry),
        address,
        facts,
        lastSeenAt,
        downloads: [...machine.downloads.values()],
        timeline: machine.timeline.map(({ at, text }) => ({ at, text })),
        advice: adviceFor(machine, entry, { missingAssets, now }),
      };
    });
    const { cursor, problem } = this.#ledger;
    return { at: now, startedAt: this.#startedAt, cursor, problem, machines };
  }

  watch(afterCursor: number | undefined, onEvent: (event: CoreEvent) => void): () => void {
    const { cursor, recent } = this.#ledger;
    const after = afterCursor ?? cursor;
    const first = cursor - recent.length;
    if (after < first || after > cursor) {
      throw new Refusal("absent", `events go back to ${first} and on to ${cursor}, not ${after}`);
    }
    for (const [i, event] of recent.entries()) {
      if (first + i + 1 > after) onEvent(this.#ledger.step(event, first + i + 1));
    }
    this.#watchers.add(onEvent);
    return () => this.#watchers.delete(onEvent);
  }

  onStatus(callback: () => void): () => void {
    this.#statusWatchers.add(callback);
    return () => this.#statusWatchers.delete(callback);
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#statusTimer);
    this.#statusTimer = undefined;
    this.#watchers.clear();
    this.#statusWatchers.clear();
    await this.#ledger.idle();
    await this.#parts.store.close();
  }

  get #registry() {
    return this.#ledger.registry;
  }

  #entryOf(mac: string): Entry | undefined {
    return entryOfMac(this.#registry, mac);
  }

  async #refuseMissing({ kernel, initrds }: Pick<EntrySpec, "kernel" | "initrds">): Promise<void> {
    for (const [i, asset] of [kernel, ...initrds].entries()) {
      if (await this.#parts.store.assets.has(asset)) continue;
      const path = i === 0 ? "kernel" : `initrds.${i - 1}`;
      throw new Refusal(
        "conflict",
        `${path}: the asset ${asset.sha256} (${asset.size} bytes) is not uploaded`,
      );
    }
  }

  #onEvent(event: Event, before: Entry | undefined, after: Entry | undefined): void {
    this.#note(event, after ?? before);
    for (const watcher of this.#watchers) watcher(this.#ledger.step(event, this.#ledger.cursor));
    this.#statusChanged();
  }

  #note(event: Event, entry: Entry | undefined): void {
    const text = describeEvent(event);
    const macs = event.kind === "booted" ? [event.boot.mac] : (entry?.spec.macs ?? []);
    for (const mac of macs) this.#machines.note(mac, text, event.at);
    const isHeard = ["delivered", "refused", "claimed", "reported", "installed", "failed"].includes(
      event.kind,
    );
    if (isHeard && entry?.boot !== undefined) this.#machines.get(entry.boot.mac).lastSeenAt = event.at;
  }

  /** Shows at the entry's machines that something was refused. */
  #noting<T>(entry: Entry | undefined, what: string, decide: () => T): T {
    try {
      return decide();
    } catch (error) {
      for (const mac of entry?.spec.macs ?? []) {
        this.#machines.note(mac, `${what}: ${(error as Error).message}`, this.#parts.clock.now());
      }
      this.#statusChanged();
      throw error;
    }
  }

  async #seeByAddress(address: string, sighting: Sighting, at: number): Promise<void> {
    const mac = await this.#machines.macOf(address, at);
    if (mac !== undefined) this.#see(mac, sighting, at);
  }

  #see(mac: string, sighting: Sighting, at: number): void {
    this.#machines.see(mac, sighting, at);
    const id = this.#entryOf(mac)?.spec.id;
    if (id !== undefined && sighting.download !== undefined) {
      const event: CoreEvent = { kind: "download", cursor: this.cursor, id, at, ...sighting.download };
      for (const watcher of this.#watchers) watcher(event);
    }
    this.#statusChanged();
  }

  #statusChanged(): void {
    this.#statusTimer ??= setTimeout(() => {
      this.#statusTimer = undefined;
      for (const callback of this.#statusWatchers) callback();
    }, STATUS_INTERVAL_MS).unref();
  }

  /** Removes what no entry needs, and looks whether what they need is there. */
  async #collect(): Promise<void> {
    const { store, log } = this.#parts;
    try {
      const needed = this.listEntries().flatMap(({ spec }) => [spec.kernel, ...spec.initrds]);
      await store.assets.collect(new Set(needed.map(({ sha256 }) => sha256)));
      for (const asset of needed) {
        if (await store.assets.has(asset)) this.#missing.delete(asset.sha256);
        else this.#missing.add(asset.sha256);
      }
    } catch (error) {
      log(`cannot clean up the store: ${(error as Error).message}`);
    }
  }
}

function newBoot(mac: string, { address, firmware, architecture }: MachineFacts, startedAt: number): Boot {
  return {
    id: randomBytes(24).toString("base64url"),
    token: randomBytes(32).toString("base64url"),
    mac,
    address,
    firmware,
    architecture,
    startedAt,
    deliveredAt: undefined,
  };
}

function statusOf({ spec, phase, attempt, boot, claim, ...entry }: Entry): EntryStatus {
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
