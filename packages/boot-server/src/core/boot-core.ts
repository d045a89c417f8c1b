import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { Redactor } from "@nixops4-providers/provider-sdk";
import { openAssets, type Assets } from "../store/assets.ts";
import { openHardwareReports, type HardwareReports } from "../store/hardware-reports.ts";
import { openJournal, type Journal } from "../store/journal.ts";
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
  decideBoot,
  decideByTime,
  decideClaim,
  decideDelivered,
  decidePut,
  decideReport,
  digestOf,
} from "./decide.ts";
import { describeEvent } from "./describe-event.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import { Machines } from "./machines.ts";
import type { AssetRef, Boot, Entry, EntrySpec, Event } from "./model.ts";
import { Refusal } from "./refusal.ts";
import { apply, createRegistry, entryOfMac, type Registry } from "./registry.ts";

export interface BootCoreOptions {
  /** Where everything is stored; made when it is not there. One server has it to itself. */
  folder: string;
  /** Files of this Nix store are served in place. Default `/nix/store`. */
  nixStore?: string | undefined;
  limits?: Partial<Limits> | undefined;
  /** Told of what the operator should know. */
  log?: ((message: string) => void) | undefined;
  /** Milliseconds since 1970; for tests. */
  now?: (() => number) | undefined;
}

const TICK_MS = 1_000;
const COLLECT_MS = 600_000;
const STATUS_INTERVAL_MS = 250;
const MAX_REPORT_TEXT = 500;

/** Opens the store, and the service's memory with it. */
export async function openBootCore(options: BootCoreOptions): Promise<BootCore> {
  const { folder, nixStore = "/nix/store", log = () => {} } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const journal = await openJournal(folder, log);
  try {
    const assets = await openAssets(join(folder, "assets"), nixStore, limits);
    const hardware = await openHardwareReports(join(folder, "hardware"), limits);
    return new Core({ journal, assets, hardware, limits, log, now: options.now ?? Date.now });
  } catch (error) {
    await journal.close();
    throw error;
  }
}

interface Parts {
  journal: Journal;
  assets: Assets;
  hardware: HardwareReports;
  limits: Limits;
  log: (message: string) => void;
  now: () => number;
}

class Core implements BootCore {
  readonly #parts: Parts;
  readonly #registry: Registry;
  readonly #machines: Machines;
  readonly #startedAt: number;
  readonly #watchers = new Set<(event: CoreEvent) => void>();
  readonly #statusWatchers = new Set<() => void>();
  readonly #missing = new Set<string>();
  readonly #timers: NodeJS.Timeout[] = [];
  #cursor: number;
  #recent: Event[];
  #queue: Promise<unknown> = Promise.resolve();
  #statusTimer: NodeJS.Timeout | undefined;

  constructor(parts: Parts) {
    const { journal, limits, now } = parts;
    const { snapshot, events } = journal;
    this.#parts = parts;
    this.#registry = createRegistry(snapshot.entries, snapshot.installs);
    this.#machines = new Machines(limits, (mac) => entryOfMac(this.#registry, mac) !== undefined);
    this.#startedAt = now();
    this.#cursor = snapshot.cursor;
    this.#recent = snapshot.recent;
    for (const event of snapshot.recent) this.#note(event, this.#registry.entries.get(event.id));
    for (const event of events) this.#take(event);
    this.#timers.push(
      setInterval(() => void this.#tick(), TICK_MS).unref(),
      setInterval(() => void this.#collect(), COLLECT_MS).unref(),
    );
    void this.#collect();
  }

  get cursor(): number {
    return this.#cursor;
  }

  async putEntry(spec: EntrySpec): Promise<{ entry: Entry; changed: boolean }> {
    const { limits, assets, now } = this.#parts;
    checkSpec(spec, limits);
    const digest = digestOf(spec);
    const events = await this.#commit(async () => {
      const { entries } = this.#registry;
      if (!entries.has(spec.id) && entries.size >= limits.maxEntries) {
        throw new Refusal("limit", `there are ${limits.maxEntries} entries already`);
      }
      const events = decidePut(this.#registry, spec, digest, now());
      for (const [i, asset] of [spec.kernel, ...spec.initrds].entries()) {
        if (await assets.has(asset)) continue;
        const path = i === 0 ? "kernel" : `initrds.${i - 1}`;
        throw new Refusal(
          "conflict",
          `${path}: the asset ${asset.sha256} (${asset.size} bytes) is not uploaded`,
        );
      }
      return events;
    });
    const changed = events.some(({ kind }) => kind === "put");
    if (changed) await this.#collect();
    return { entry: this.#registry.entries.get(spec.id)!, changed };
  }

  getEntry(id: string): Entry | undefined {
    return this.#registry.entries.get(id);
  }

  listEntries(): Entry[] {
    return [...this.#registry.entries.values()];
  }

  async deleteEntry(id: string): Promise<boolean> {
    const events = await this.#commit(() =>
      this.#registry.entries.has(id) ? [{ kind: "deleted", id, at: this.#parts.now() }] : [],
    );
    await this.#parts.hardware.remove(id);
    return events.length > 0;
  }

  async findMissingAssets(sources: { asset: AssetRef; storePath: string }[]): Promise<AssetRef[]> {
    const { assets } = this.#parts;
    const missing: AssetRef[] = [];
    for (const { asset, storePath } of sources) {
      const there = (await assets.has(asset)) || (storePath !== "" && (await assets.adopt(asset, storePath)));
      if (there) assets.touch(asset);
      else missing.push(asset);
    }
    return missing;
  }

  async addAsset(asset: AssetRef, data: AsyncIterable<Uint8Array>): Promise<void> {
    await this.#parts.assets.add(asset, data);
    this.#missing.delete(asset.sha256);
  }

  async startBoot(mac: string, facts: MachineFacts): Promise<BootDecision> {
    const { now } = this.#parts;
    let reason = "";
    const events = await this.#commit(() => {
      const entry = entryOfMac(this.#registry, mac);
      if (entry === undefined) return [];
      const { address, firmware, architecture } = facts;
      const boot: Boot = {
        id: randomBytes(24).toString("base64url"),
        token: randomBytes(32).toString("base64url"),
        mac,
        address,
        firmware,
        architecture,
        startedAt: now(),
        deliveredAt: undefined,
      };
      const decision = decideBoot(entry, boot);
      reason = decision.reason;
      return decision.events;
    });
    this.#machines.askedForScript(mac, facts, now());
    const entry = entryOfMac(this.#registry, mac);
    const last = events.at(-1);
    if (entry !== undefined && last?.kind === "booted")
      return { kind: "install", entry, bootId: last.boot.id };
    if (entry === undefined) reason = "nobody has declared this machine";
    this.#machines.note(mac, `Asked for its script, and is to boot from disk: ${reason}`, now());
    this.#statusChanged();
    return { kind: "local", reason, entry };
  }

  async openAsset(mac: string, which: "kernel" | { initrd: number }): Promise<OpenAsset> {
    const entry = entryOfMac(this.#registry, mac);
    if (entry === undefined) throw new Refusal("absent", "nobody has declared this machine");
    const { phase, spec } = entry;
    if (phase !== "armed" && phase !== "booting") throw new Refusal("conflict", `this machine is ${phase}`);
    const asset = which === "kernel" ? spec.kernel : spec.initrds[which.initrd];
    if (asset === undefined) throw new Refusal("absent", "there is no such initrd");
    const open = await this.#parts.assets.open(asset);
    if (open !== undefined) return open;
    this.#missing.add(asset.sha256);
    this.#statusChanged();
    throw new Refusal("absent", "the file is no longer there: the deployment has to be applied again");
  }

  overlay(bootId: string, address: string): OverlayContents {
    const entry = this.listEntries().find(({ boot }) => boot?.id === bootId);
    const boot = entry?.boot;
    if (entry === undefined || boot === undefined) throw new Refusal("absent", "there is no such boot");
    if (boot.address !== address) {
      this.#machines.note(boot.mac, `${address} asked for its overlay, and was refused`, this.#parts.now());
      throw new Refusal("denied", "this boot was begun from another address");
    }
    if (entry.phase !== "booting") throw new Refusal("conflict", `this machine is ${entry.phase}`);
    if (boot.deliveredAt !== undefined) {
      throw new Refusal("conflict", "the overlay has been delivered: another one takes another boot");
    }
    const files = entry.spec.files.map((file) => ({ ...file, contents: file.contents ?? "" }));
    const delivered = async () => {
      await this.#commit(() =>
        decideDelivered(this.#registry.entries.get(entry.spec.id), bootId, this.#parts.now()),
      );
    };
    return { entryId: entry.spec.id, mac: boot.mac, token: boot.token, files, delivered };
  }

  async claim(
    entryId: string,
    request: { token: string; bootId: string; address: string },
  ): Promise<{ generation: number; attempt: number }> {
    try {
      await this.#commit(() => decideClaim(this.#registry.entries.get(entryId), request, this.#parts.now()));
    } catch (error) {
      this.#noteRefused(entryId, `A claim from ${request.address} was refused`, error);
      throw error;
    }
    const { spec, attempt } = this.#registry.entries.get(entryId)!;
    return { generation: spec.installGeneration, attempt };
  }

  async report(entryId: string, token: string, request: ReportRequest): Promise<void> {
    try {
      await this.#commit(() => {
        const entry = this.#registry.entries.get(entryId);
        return decideReport(entry, token, withoutSecrets(request, entry), this.#parts.now());
      });
    } catch (error) {
      this.#noteRefused(entryId, "A report was refused", error);
      throw error;
    }
  }

  async reportHardware(entryId: string, token: string, report: Uint8Array): Promise<void> {
    allowHardwareReport(this.#registry.entries.get(entryId), token);
    await this.#parts.hardware.put(entryId, report);
  }

  async hardwareReport(entryId: string): Promise<Buffer | undefined> {
    return this.#parts.hardware.get(entryId);
  }

  sighted(sighting: Sighting): void {
    const { mac, address } = sighting;
    const at = this.#parts.now();
    if (mac !== undefined) this.#see(mac, sighting, at);
    else if (address !== undefined) void this.#seeByAddress(address, sighting, at);
  }

  status(): Status {
    const now = this.#parts.now();
    for (const { spec } of this.#registry.entries.values()) {
      for (const mac of spec.macs) this.#machines.get(mac);
    }
    const known = this.#machines
      .all()
      .filter(({ mac, lastSeenAt }) => lastSeenAt !== undefined || this.#registry.ids.has(mac));
    const machines = known.map((machine) => {
      const entry = entryOfMac(this.#registry, machine.mac);
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
    return { at: now, startedAt: this.#startedAt, cursor: this.#cursor, machines };
  }

  watch(afterCursor: number | undefined, onEvent: (event: CoreEvent) => void): () => void {
    const after = afterCursor ?? this.#cursor;
    const first = this.#cursor - this.#recent.length;
    if (after < first || after > this.#cursor) {
      throw new Refusal("absent", `events go back to ${first} and on to ${this.#cursor}, not ${after}`);
    }
    for (const [i, event] of this.#recent.entries()) {
      if (first + i + 1 > after) onEvent(this.#step(event, first + i + 1));
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
    await this.#queue.catch(() => {});
    await this.#parts.journal.close();
  }

  /** One after another: decides on what is, stores it, and only then makes it so. */
  async #commit(decide: () => Event[] | Promise<Event[]>): Promise<Event[]> {
    const work = this.#queue.then(async () => {
      await this.#store(this.#eventsByTime());
      const events = await decide();
      await this.#store(events);
      return events;
    });
    this.#queue = work.catch(() => {});
    return work;
  }

  async #store(events: Event[]): Promise<void> {
    if (events.length === 0) return;
    const { journal } = this.#parts;
    await journal.append(events);
    for (const event of events) this.#take(event);
    // What was installed leaves no secrets behind.
    if (journal.isLong || events.some(({ kind }) => kind === "installed")) await this.#compact();
  }

  /** The events are stored: that this fails is no reason to refuse them. */
  async #compact(): Promise<void> {
    const { journal, log } = this.#parts;
    const { entries, installs } = this.#registry;
    const snapshot = {
      cursor: this.#cursor,
      entries: [...entries.values()],
      installs: [...installs],
      recent: this.#recent,
    };
    await journal
      .compact(snapshot)
      .catch((error: Error) => log(`cannot shorten the journal: ${error.message}`));
  }

  #take(event: Event): void {
    const before = this.#registry.entries.get(event.id);
    const entry = apply(this.#registry, event);
    this.#cursor++;
    this.#recent.push(withoutContents(event));
    if (this.#recent.length > this.#parts.limits.maxRecentEvents) this.#recent.shift();
    this.#note(event, entry ?? before);
    const step = this.#step(event, this.#cursor);
    for (const watcher of this.#watchers) watcher(step);
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

  #noteRefused(entryId: string, what: string, error: unknown): void {
    const macs = this.#registry.entries.get(entryId)?.spec.macs ?? [];
    for (const mac of macs) {
      this.#machines.note(mac, `${what}: ${(error as Error).message}`, this.#parts.now());
    }
    this.#statusChanged();
  }

  #step(event: Event, cursor: number): CoreEvent {
    const { id, at } = event;
    return { kind: "step", cursor, id, at, event, entry: this.#registry.entries.get(id) };
  }

  async #seeByAddress(address: string, sighting: Sighting, at: number): Promise<void> {
    const mac = await this.#machines.macOf(address, at);
    if (mac !== undefined) this.#see(mac, sighting, at);
  }

  #see(mac: string, sighting: Sighting, at: number): void {
    this.#machines.see(mac, sighting, at);
    const id = entryOfMac(this.#registry, mac)?.spec.id;
    if (id !== undefined && sighting.download !== undefined) {
      const event: CoreEvent = { kind: "download", cursor: this.#cursor, id, at, ...sighting.download };
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

  #eventsByTime(): Event[] {
    const now = this.#parts.now();
    return this.listEntries().flatMap((entry) => decideByTime(entry, now, this.#startedAt));
  }

  async #tick(): Promise<void> {
    if (this.#eventsByTime().length === 0) return;
    await this.#commit(() => []).catch((error: Error) => this.#parts.log(`cannot store: ${error.message}`));
  }

  async #collect(): Promise<void> {
    const { assets, log } = this.#parts;
    const needed = this.listEntries().flatMap(({ spec }) => [spec.kernel, ...spec.initrds]);
    try {
      await assets.collect(new Set(needed.map(({ sha256 }) => sha256)));
      for (const asset of needed) {
        if (await assets.has(asset)) this.#missing.delete(asset.sha256);
        else this.#missing.add(asset.sha256);
      }
    } catch (error) {
      log(`cannot clean up the assets: ${(error as Error).message}`);
    }
  }
}

function statusOf({ spec, phase, attempt, boot, claim, ...entry }: Entry): EntryStatus {
  const { armedAt, expiresAt, endedAt, reason, report } = entry;
  return {
    id: spec.id,
    phase,
    generation: spec.installGeneration,
    attempt,
    architecture: spec.architecture,
    armedAt,
    expiresAt,
    bootedAt: boot?.startedAt,
    claimedAt: claim?.claimedAt,
    endedAt,
    reason,
    report,
  };
}

/** An installer may print what it was given. */
function withoutSecrets(request: ReportRequest, entry: Entry | undefined): ReportRequest {
  const redactor = new Redactor();
  if (entry?.boot !== undefined) redactor.add(entry.boot.token);
  for (const { secret, contents } of entry?.spec.files ?? []) {
    if (secret && contents !== null) redactor.add(Buffer.from(contents, "base64").toString("utf8"));
  }
  const clean = (text: string) => redactor.redact(text).slice(0, MAX_REPORT_TEXT);
  return {
    ...request,
    stage: clean(request.stage),
    message: request.message === undefined ? undefined : clean(request.message),
    log: request.log?.map(clean),
  };
}

/** Watchers and timelines have no use for the files, and secrets should be in few places. */
function withoutContents(event: Event): Event {
  if (event.kind !== "put") return event;
  const files = event.spec.files.map((file) => ({ ...file, contents: null }));
  return { ...event, spec: { ...event.spec, files } };
}
