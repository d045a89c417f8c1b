import type { Install } from "./store.ts";
import type { Entry, Event, InstallRecord, Phase, StoredSpec } from "./model.ts";

/** The stored state, in memory. Entries are replaced, never modified. */
export interface Registry {
  entries: Map<string, Entry>;
  /** By MAC address. */
  installs: Map<string, InstallRecord>;
  /** The installs that have changed since they were last saved. The caller that saves them clears it. */
  changedInstalls: Map<string, InstallRecord>;
  /** The ids of entries by MAC address. */
  ids: Map<string, string>;
}

export function createRegistry(
  entries: readonly Entry[] = [],
  installs: readonly (readonly [mac: string, record: InstallRecord])[] = [],
): Registry {
  const registry: Registry = {
    entries: new Map(),
    installs: new Map(installs),
    changedInstalls: new Map(),
    ids: new Map(),
  };
  for (const entry of entries) enter(registry, entry);
  return registry;
}

/** An entry does not expire before this time after its script was fetched. */
const BOOT_MS = 3_600_000;

/** Applies a stored event. Does not check whether it is allowed, because that was decided before it was stored. */
export function apply(registry: Registry, event: Event): Entry | undefined {
  const old = registry.entries.get(event.id);
  if (event.kind === "put") return enter(registry, afterPut(registry, event));
  if (old === undefined) return undefined;
  if (event.kind !== "deleted") return enter(registry, after(old, event));
  for (const mac of old.spec.macs) registry.ids.delete(mac);
  registry.entries.delete(event.id);
  return undefined;
}

/** Returns whether an installer has been allowed to write to the disk. */
export function isClaimed(phase: Phase): boolean {
  return ["installing", "installed", "failed", "interrupted"].includes(phase);
}

export function entryOfMac({ entries, ids }: Registry, mac: string): Entry | undefined {
  const id = ids.get(mac);
  return id === undefined ? undefined : entries.get(id);
}

/** Returns the entry with this current boot. */
export function entryOfBoot({ entries }: Registry, bootId: string): Entry | undefined {
  return [...entries.values()].find(({ boot }) => boot?.id === bootId);
}

function enter(registry: Registry, entry: Entry): Entry {
  const { entries, ids } = registry;
  const { id, macs } = entry.spec;
  for (const mac of entries.get(id)?.spec.macs ?? []) ids.delete(mac);
  for (const mac of macs) ids.set(mac, id);
  entries.set(id, entry);
  if (entry.attempt > 0) remember(registry, entry);
  return entry;
}

function after(entry: Entry, event: Exclude<Event, { kind: "put" | "deleted" }>): Entry {
  const { at } = event;
  switch (event.kind) {
    case "renewed":
      return {
        ...entry,
        expiresAt: at + entry.spec.expireSeconds * 1000,
        ...(entry.phase === "expired" || entry.phase === "refused"
          ? { phase: "armed", armedAt: at, boot: undefined, endedAt: undefined }
          : {}),
      };
    case "booted":
      return {
        ...entry,
        phase: "booting",
        boots: entry.boots + 1,
        boot: event.boot,
        expiresAt: Math.max(entry.expiresAt, at + BOOT_MS),
        claim: undefined,
        report: undefined,
        endedAt: undefined,
        reason: undefined,
      };
    case "delivered":
      return entry.boot?.id === event.boot ? { ...entry, boot: { ...entry.boot, deliveredAt: at } } : entry;
    case "refused":
      return { ...entry, phase: "refused", report: event.report, endedAt: at };
    case "claimed":
      return {
        ...entry,
        phase: "installing",
        attempt: entry.claim === undefined ? entry.attempt + 1 : entry.attempt,
        claim: event.claim,
        report: entry.claim === undefined ? undefined : entry.report,
        endedAt: undefined,
        reason: undefined,
      };
    case "reported":
      return { ...entry, phase: "installing", report: event.report, endedAt: undefined, reason: undefined };
    case "installed":
      return {
        ...entry,
        phase: "installed",
        spec: withoutOverlay(entry.spec),
        report: event.report,
        endedAt: at,
        reason: undefined,
      };
    case "failed":
      return { ...entry, phase: "failed", report: event.report, endedAt: at, reason: undefined };
    case "interrupted":
      return { ...entry, phase: "interrupted", endedAt: at, reason: event.reason };
    case "expired":
      return { ...entry, phase: "expired", boot: undefined, endedAt: at };
  }
}

function afterPut(registry: Registry, { at, spec, digest }: Event & { kind: "put" }): Entry {
  const old = registry.entries.get(spec.id);
  if (old === undefined || spec.installGeneration > old.spec.installGeneration) {
    return adoptInstall(registry, armed(spec, digest, at), spec.macs);
  }
  if (isClaimed(old.phase)) {
    return { ...old, spec: old.phase === "installed" ? withoutOverlay(spec) : spec, digest };
  }
  if (old.attempt > 0 && spec.onInterrupted === "hold") {
    const reason = "an earlier install was not finished, and is no longer to be tried again";
    return { ...old, spec, digest, phase: "interrupted", boot: undefined, endedAt: at, reason };
  }
  const expiresAt = at + spec.expireSeconds * 1000;
  const newMacs = spec.macs.filter((mac) => !old.spec.macs.includes(mac));
  const goesOn = old.phase === "booting" && bootsTheSame(old.spec, spec);
  const entry: Entry = goesOn
    ? { ...old, spec, digest, expiresAt }
    : { ...armed(spec, digest, at), boots: old.boots, attempt: old.attempt };
  return adoptInstall(registry, entry, newMacs);
}

function armed(spec: StoredSpec, digest: string, at: number): Entry {
  return {
    spec,
    digest,
    phase: "armed",
    boots: 0,
    attempt: 0,
    armedAt: at,
    expiresAt: at + spec.expireSeconds * 1000,
    boot: undefined,
    claim: undefined,
    report: undefined,
    endedAt: undefined,
    reason: undefined,
  };
}

/** Takes over the result of an install of the machine in this generation under another entry. */
function adoptInstall({ installs }: Registry, entry: Entry, macs: readonly string[]): Entry {
  const record = macs
    .map((mac) => installs.get(mac))
    .find((known) => known !== undefined && known.generation >= entry.spec.installGeneration);
  if (record === undefined) return entry;
  const { phase, endedAt, entryId } = record;
  const what = phase === "installing" ? ("interrupted" as const) : phase;
  const reason = `was ${what} in this generation as entry ${entryId}`;
  const spec = what === "installed" ? withoutOverlay(entry.spec) : entry.spec;
  return {
    ...entry,
    spec,
    phase: what,
    attempt: 1,
    boot: undefined,
    endedAt: endedAt ?? entry.armedAt,
    reason,
  };
}

function remember({ installs, changedInstalls }: Registry, { spec, phase, endedAt }: Entry): void {
  const record: InstallRecord = {
    entryId: spec.id,
    generation: spec.installGeneration,
    // An install that will be retried has not ended.
    phase: isClaimed(phase) ? phase : "interrupted",
    endedAt,
  };
  for (const mac of spec.macs) {
    const known = installs.get(mac);
    // A journal restored from a backup can be older than the installs, so a generation is never lowered.
    if (isSame(known, record) || (known !== undefined && known.generation > record.generation)) continue;
    installs.set(mac, record);
    changedInstalls.set(mac, record);
  }
}

function isSame(one: InstallRecord | undefined, other: InstallRecord): boolean {
  return (
    one?.entryId === other.entryId &&
    one.generation === other.generation &&
    one.phase === other.phase &&
    one.endedAt === other.endedAt
  );
}

/** Moves the deadlines after the clock was set, so that the remaining times stay the same. */
export function shiftDeadlines({ entries }: Registry, ms: number): void {
  for (const [id, entry] of entries) entries.set(id, { ...entry, expiresAt: entry.expiresAt + ms });
}

/**
 * Adds the installs that are stored separately from the entries, which may be older. Marks those that are not stored
 * separately yet as changed.
 */
export function keepInstalls(registry: Registry, kept: readonly Install[]): void {
  const { entries, installs, changedInstalls } = registry;
  for (const [mac, record] of kept) {
    if ((installs.get(mac)?.generation ?? 0) < record.generation) installs.set(mac, record);
  }
  for (const entry of entries.values()) {
    if (entry.attempt === 0) enter(registry, adoptInstall(registry, entry, entry.spec.macs));
  }
  const before = new Map(kept);
  changedInstalls.clear();
  for (const [mac, record] of installs) {
    if (!isSame(before.get(mac), record)) changedInstalls.set(mac, record);
  }
}

/** Returns whether a machine gets the same files and command line from both specs. */
function bootsTheSame(one: StoredSpec, other: StoredSpec): boolean {
  const loaded = ({ architecture, kernel, initrds, cmdline, overlay }: StoredSpec) =>
    JSON.stringify([architecture, kernel, initrds, cmdline, overlay]);
  return loaded(one) === loaded(other);
}

function withoutOverlay(spec: StoredSpec): StoredSpec {
  return { ...spec, overlay: null };
}
