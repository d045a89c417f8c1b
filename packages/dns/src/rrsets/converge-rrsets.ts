import type { Context } from "@nixops4-providers/provider-sdk";
import type { Backend } from "../backends/backend.ts";
import { checkTargets } from "./check-targets.ts";
import type { Name } from "../client/name.ts";
import { wallClockSeconds } from "../client/wall-clock.ts";
import type { ZoneInputs } from "../common-fields.ts";
import type { Plan } from "./decide.ts";
import { RecordMarkers } from "../backends/markers.ts";
import { type Change, keyOf, type RrSet, type RrSetId, sameRrSet } from "../rrset.ts";
import { openBackend } from "../server/open-server.ts";
import { syncRrSets } from "./sync-rrsets.ts";

export interface ZoneWork {
  inputs: ZoneInputs;
  zone: Name;
  desired: readonly RrSet[];
  removed: Plan["removed"];
  previous: ReadonlyMap<string, RrSet>;
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
  const { inputs, zone, desired, removed, previous, context } = work;
  const backend = withMarkers(await openBackend(inputs.server, zone, context, work), inputs);
  try {
    const plan: Plan = {
      desired,
      removed,
      previous,
      onConflict: inputs.onConflict,
      owner: inputs.marker.enable ? inputs.marker.owner : undefined,
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
    const soa = await readSoa(backend, inputs, context);
    return { serial: soa.serial, safeAfter: safeAfter(work, [...changed.values()], soa) };
  } finally {
    await backend.close();
  }
}

function withMarkers(backend: Backend, { marker }: ZoneInputs): Backend {
  return marker.enable && backend.capabilities.marker === "record" ? new RecordMarkers(backend) : backend;
}

interface Soa {
  serial: number;
  refresh: number;
  /** How many seconds caches keep a negative answer (RFC 2308). */
  negativeTtl: number;
}

/** Used when the SOA record cannot be read; no known service has longer times. */
const UNKNOWN_SOA: Soa = { serial: 0, refresh: 86_400, negativeTtl: 10_800 };

async function readSoa(backend: Backend, { verify }: ZoneInputs, context: Context): Promise<Soa> {
  const id: RrSetId = { name: backend.zone, type: "SOA" };
  const own = (await backend.read([id])).get(keyOf(id))?.rrset;
  if (own !== undefined || !verify.authoritative) return parseSoa(own) ?? UNKNOWN_SOA;
  const { readServedSoa } = await import("./verify.ts");
  return parseSoa(await readServedSoa(backend, verify, context)) ?? UNKNOWN_SOA;
}

function parseSoa(rrset: RrSet | undefined): Soa | undefined {
  if (rrset === undefined) return undefined;
  const [serial = 0, refresh = 0, , , minimum = 0] = rrset.values[0]!.split(" ").slice(2).map(Number);
  return { serial, refresh, negativeTtl: Math.min(rrset.ttl, minimum) };
}

/** Returns when the last cache drops the old answer: its TTL after the last name server has stopped serving it. */
function safeAfter(work: ZoneWork, changes: readonly Change[], soa: Soa): string | null {
  const { inputs, previous, desired } = work;
  const old = changes
    .filter(({ before, after }) => !sameRrSet(before.rrset, after.rrset))
    .map(({ before }) => before.rrset?.ttl ?? soa.negativeTtl);
  if (old.length === 0) {
    // A run that was killed may have changed these: the state has the old TTL.
    const unfinished = desired.filter((rrset) => !sameRrSet(previous.get(keyOf(rrset)), rrset));
    if (unfinished.length === 0) return work.safeAfter ?? null;
    old.push(soa.negativeTtl, ...unfinished.map((rrset) => previous.get(keyOf(rrset))?.ttl ?? 0));
  }
  const lag = inputs.verify.authoritative ? 0 : soa.refresh;
  const seconds = Math.ceil(wallClockSeconds()) + lag + Math.max(...old);
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}
