import type { Context } from "@nixops4-providers/provider-sdk";
import type { Backend } from "../backends/backend.ts";
import { checkTargets } from "./check-targets.ts";
import { joinLabels, labelsOf, type Name } from "../client/name.ts";
import { wallClockSeconds } from "../client/wall-clock.ts";
import type { ZoneInputs } from "../common-fields.ts";
import type { Plan } from "./decide.ts";
import { RecordMarkers } from "../backends/markers.ts";
import { type Change, keyOf, type Observed, type RrSet, type RrSetId, sameRrSet } from "../rrset.ts";
import { openBackend } from "../server/open-server.ts";
import { syncRrSets } from "./sync-rrsets.ts";

export interface ZoneWork {
  inputs: ZoneInputs;
  zone: Name;
  desired: readonly RrSet[];
  removed: Plan["removed"];
  previous: ReadonlyMap<string, RrSet>;
  /** What the last run's inputs tell of who owns the records. */
  history?: Pick<Plan, "previousOwner" | "isMoved"> | undefined;
  /** What the last run returned. */
  safeAfter: string | null | undefined;
  maySplit?: boolean;
  context: Context;
}

export interface ZoneResult {
  serial: number;
  safeAfter: string | null;
}

/** Makes the record sets of a zone as wanted, waits until all name servers serve them, and returns when caches are current. */
export async function convergeRrSets(work: ZoneWork): Promise<ZoneResult> {
  const { inputs, zone, desired, removed, previous, history, context } = work;
  const backend = withMarkers(await openBackend(inputs.server, zone, context, work), work);
  try {
    const plan: Plan = {
      desired,
      removed,
      previous,
      onConflict: inputs.onConflict,
      owner: inputs.marker.enable ? inputs.marker.owner : undefined,
      ...history,
      zone,
    };
    const { changed, observed } = await syncRrSets(backend, plan, context, async () => {
      if (inputs.checkTargets) await checkTargets(backend, plan);
    });
    const ids = [...desired, ...removed];
    if (inputs.verify.authoritative && ids.length > 0) {
      const { waitUntilServed } = await import("./verify.ts");
      const isShared = inputs.onConflict === "merge";
      const wanted = new Map(desired.map((rrset) => [keyOf(rrset), rrset]));
      const expected = ids.map(({ name, type }) => {
        const key = keyOf({ name, type });
        return {
          name,
          type,
          isShared,
          rrset: (isShared ? wanted : new Map()).get(key) ?? observed.get(key)?.rrset,
        };
      });
      const proxied = backend.capabilities.proxiedTypes ?? [];
      const visible = expected.filter(({ type, rrset }) => rrset === undefined || !proxied.includes(type));
      await waitUntilServed(backend, visible, inputs.verify, context);
    }
    const unfinished = unfinishedOf(work, observed);
    const made = [...changed.values(), ...unfinished].filter(({ before }) => before.rrset === undefined);
    const { soa, wildcards } = await readSoa(backend, wildcardsAbove(made, zone), work);
    return {
      serial: soa.serial,
      safeAfter: safeAfter(work, [...changed.values()], unfinished, soa, wildcards),
    };
  } finally {
    await backend.close();
  }
}

/** With markers of the last run, too: when they were turned off since, they are removed. */
function withMarkers(backend: Backend, { inputs, history }: ZoneWork): Backend {
  const hasMarkers = inputs.marker.enable || history?.previousOwner !== undefined;
  return hasMarkers && backend.capabilities.marker === "record" ? new RecordMarkers(backend) : backend;
}

interface Soa {
  serial: number;
  refresh: number;
  /** How many seconds caches keep a negative answer (RFC 2308). */
  negativeTtl: number;
}

/** Used when the SOA record cannot be read; no known service has longer times. */
const UNKNOWN_SOA: Soa = { serial: 0, refresh: 86_400, negativeTtl: 10_800 };

/** Reads the SOA record of the zone, and the TTLs of those of the wildcards that exist. */
async function readSoa(
  backend: Backend,
  wildcards: readonly RrSetId[],
  { inputs: { verify }, context }: ZoneWork,
): Promise<{ soa: Soa; wildcards: number[] }> {
  const id: RrSetId = { name: backend.zone, type: "SOA" };
  const read = await backend.read([id, ...wildcards]);
  const names = new Set(wildcards.map(({ name }) => name));
  const ttls = [...read.values()].flatMap(({ rrset }) =>
    rrset !== undefined && names.has(rrset.name) ? [rrset.ttl] : [],
  );
  const own = read.get(keyOf(id))?.rrset;
  const soa = (found: RrSet | undefined) => ({ soa: parseSoa(found) ?? UNKNOWN_SOA, wildcards: ttls });
  if (own !== undefined || !verify.authoritative) return soa(own);
  const { readServedSoa } = await import("./verify.ts");
  return soa(await readServedSoa(backend, verify, context));
}

/** The wildcards that may have answered for these record sets, which did not exist. */
function wildcardsAbove(made: readonly Change[], zone: Name): RrSetId[] {
  const ids = made.flatMap(({ name, type }) => {
    const labels = labelsOf(name);
    const count = Math.max(0, labels.length - labelsOf(zone).length);
    const names = Array.from({ length: count }, (_, index) => joinLabels(["*", ...labels.slice(index + 1)]));
    return names.filter((one) => one !== name).map((one) => ({ name: one, type }));
  });
  return [...new Map(ids.map((id) => [keyOf(id), id])).values()];
}

/** What a run that was killed has changed, by the state: it had no time to tell. */
function unfinishedOf(
  { previous, desired, removed }: ZoneWork,
  observed: ReadonlyMap<string, Observed>,
): Change[] {
  const lastOf = (id: RrSetId) => {
    const last = previous.get(keyOf(id));
    return last?.values.length === 0 ? undefined : last;
  };
  const changes = [
    ...desired.map((rrset) => ({ ...rrset, after: rrset as RrSet | undefined })),
    ...removed
      .filter((id) => observed.get(keyOf(id))?.rrset === undefined)
      .map((id) => ({ ...id, after: undefined })),
  ].map(({ name, type, after }) => ({
    name,
    type,
    before: { rrset: lastOf({ name, type }), owner: undefined },
    after: { rrset: after, owner: undefined },
  }));
  return changes.filter(({ before, after }) => !sameRrSet(before.rrset, after.rrset));
}

function parseSoa(rrset: RrSet | undefined): Soa | undefined {
  if (rrset === undefined) return undefined;
  const [serial = 0, refresh = 0, , , minimum = 0] = rrset.values[0]!.split(" ").slice(2).map(Number);
  return { serial, refresh, negativeTtl: Math.min(rrset.ttl, minimum) };
}

/** Returns when the last cache drops the old answer: its TTL after the last name server has stopped serving it. */
function safeAfter(
  { inputs, ...work }: ZoneWork,
  changes: readonly Change[],
  unfinished: readonly Change[],
  soa: Soa,
  wildcards: readonly number[],
): string | null {
  const old = changes
    .filter(({ before, after }) => !sameRrSet(before.rrset, after.rrset))
    .map(({ before }) => before.rrset?.ttl ?? soa.negativeTtl);
  if (old.length === 0) {
    if (unfinished.length === 0) return work.safeAfter ?? null;
    old.push(soa.negativeTtl, ...unfinished.map(({ before }) => before.rrset?.ttl ?? 0));
  }
  old.push(...wildcards);
  const lag = inputs.verify.authoritative ? 0 : soa.refresh;
  const seconds = Math.ceil(wallClockSeconds()) + lag + Math.max(...old);
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}
