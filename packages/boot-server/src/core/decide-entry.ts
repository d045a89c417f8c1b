import type { AssetRef, Entry, Event, StoredSpec } from "./model.ts";
import { Refusal } from "./refusal.ts";
import { entryOfMac, isClaimed, type Registry } from "./registry.ts";

// Decides what an operator may change.

export interface PutFacts {
  spec: StoredSpec;
  /** The SHA-256 of the spec as it was put, with the contents of its files. */
  digest: string;
  /** The first asset of the spec that the store does not have. `path` names it within the spec. */
  missing: { path: string; asset: AssetRef } | undefined;
  maxEntries: number;
  at: number;
}

/** Decides the events of a put: none if the entry is unchanged and its install was claimed. */
export function decidePut(registry: Registry, { spec, digest, missing, maxEntries, at }: PutFacts): Event[] {
  const { entries } = registry;
  const { id } = spec;
  const old = entries.get(id);
  if (old === undefined && entries.size >= maxEntries) {
    throw new Refusal("limit", `there are already ${maxEntries} entries, which is the limit`);
  }
  for (const mac of spec.macs) refuseTakenMac(registry, mac, spec);
  if (old !== undefined) refuseLowerGeneration(old, spec);
  if (missing !== undefined) {
    const { sha256, size } = missing.asset;
    throw new Refusal("conflict", `${missing.path}: the asset ${sha256} (${size} bytes) was not uploaded`);
  }
  if (old?.digest !== digest) return [{ kind: "put", id, at, spec, digest }];
  return isClaimed(old.phase) ? [] : [{ kind: "renewed", id, at }];
}

/** Decides the events of a deletion: none if the entry does not exist. */
export function decideDelete(entry: Entry | undefined, at: number): Event[] {
  return entry === undefined ? [] : [{ kind: "deleted", id: entry.spec.id, at }];
}

function refuseTakenMac(registry: Registry, mac: string, { id, installGeneration }: StoredSpec): void {
  const other = entryOfMac(registry, mac);
  if (other !== undefined && other.spec.id !== id) {
    throw new Refusal("conflict", `${mac} belongs to the entry ${other.spec.id}: delete that entry first`);
  }
  const known = registry.installs.get(mac);
  if (known === undefined || known.generation <= installGeneration) return;
  throw new Refusal(
    "conflict",
    `installGeneration ${installGeneration} is too low: ${mac} was installed in generation ${known.generation} by the ` +
      `entry ${known.entryId}. Set ${known.generation} to keep that install, or ${known.generation + 1} to install again.`,
  );
}

function refuseLowerGeneration(old: Entry, { installGeneration }: StoredSpec): void {
  const current = old.spec.installGeneration;
  if (installGeneration >= current) return;
  throw new Refusal("conflict", `installGeneration is already ${current}: it cannot be lowered`);
}
