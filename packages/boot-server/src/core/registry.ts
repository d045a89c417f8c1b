import type { Install } from "./store.ts";
import type { Entry, Event, InstallRecord, Phase, StoredSpec } from "./model.ts";

/** All that is stored, in memory. Only {@link apply} changes it; the entries themselves are never changed. */
export interface Registry {
  entries: Map<string, Entry>;
  /** By MAC address. */
  installs: Map<string, InstallRecord>;
  /** Those of them that have changed since somebody looked, and emptied it. */
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

/** How long a machine that has fetched its script may take to claim, at least. */
const BOOT_MS = 3_600_000;

/** Takes one step. What may happen when is decided before: this holds whatever was stored. */
export function apply(registry: Registry, event: Event): Entry | undefined {
  const old = registry.entries.get(event.id);
  if (event.kind === "put") return enter(registry, afterPut(registry, event));
  if (old === undefined) return undefined;
  if (event.kind !== "deleted") return enter(registry, after(old, event));
  for (const mac of old.spec.macs) registry.ids.delete(mac);
  registry.entries.delete(event.id);
  return undefined;
}

/** Whether an installer has been given the disk, in this attempt. */
export function isClaimed(phase: Phase): boolean {
  return ["installing", "installed", "failed", "interrupted"].includes(phase);
}

export function entryOfMac({ entries, ids }: Registry, mac: string): Entry | undefined {
  const id = ids.get(mac);
  return id === undefined ? undefined : entries.get(id);
}

/** Returns the entry whose current boot it is. */
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

/** A machine that was installed in this generation under another entry is not installed again. */
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
    // When it is to be tried again, it has not come to an end.
    phase: isClaimed(phase) ? phase : "interrupted",
    endedAt,
  };
  for (const mac of spec.macs) {
    const known = installs.get(mac);
    // A journal that was restored from a backup can be older than the installs: what they know is not lowered.
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

/** When the clock was set: what was to happen in an hour still happens in an hour. */
export function shiftDeadlines({ entries }: Registry, ms: number): void {
  for (const [id, entry] of entries) entries.set(id, { ...entry, expiresAt: entry.expiresAt + ms });
}

/**
 * Adds the installs that were kept apart: what was installed stays so, whatever became of the entries. All that they
 * do not have yet counts as changed.
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

/** Whether a machine that is loading the one would get the same by the other. */
function bootsTheSame(one: StoredSpec, other: StoredSpec): boolean {
  const loaded = ({ architecture, kernel, initrds, cmdline, overlay }: StoredSpec) =>
    JSON.stringify([architecture, kernel, initrds, cmdline, overlay]);
  return loaded(one) === loaded(other);
}

function withoutOverlay(spec: StoredSpec): StoredSpec {
  return { ...spec, overlay: null };
}
