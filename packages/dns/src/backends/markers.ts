import type { Backend } from "./backend.ts";
import { DnsError } from "../client/dns-error.ts";
import { isWithin, joinLabels, labelsOf, type Name, parseName, relativeTo } from "../client/name.ts";
import { type Change, keyOf, type Observed, type RrSet, type RrSetId } from "../rrset.ts";

const SUBTREE = "_owner";
const WILDCARD = "_wildcard";
const TEXT = /^"?nixops4 owner=([^"\s]+)"?$/;

/** Returns the text of a marker. */
export function formatMarker(owner: string): string {
  return `nixops4 owner=${owner}`;
}

/** Returns the owner in a marker; `undefined` when the text is not a marker. */
export function parseMarker(text: string): string | undefined {
  return TEXT.exec(text)?.[1];
}

/**
 * The name of an RRset's marker: `www._a._owner.ZONE`. They are all below one name: beside the RRset a marker would
 * lie below delegations and DNAME, and would make a name that has no records exist.
 */
function markerName({ name, type }: RrSetId, zone: Name): Name {
  const relative = relativeTo(name, zone);
  const label = `_${type.toLowerCase()}`;
  if (relative === "@") return parseName(`${label}.${SUBTREE}`, zone);
  return parseName(`${withoutWildcard(relative)}.${label}.${SUBTREE}`, zone);
}

/** `undefined` for a name outside of the zone, such as that of a name server: it has no marker in the zone. */
function markerOf(id: RrSetId, zone: Name): RrSetId | undefined {
  return isWithin(id.name, zone) ? { name: markerName(id, zone), type: "TXT" } : undefined;
}

function withoutWildcard(relative: string): string {
  const labels = labelsOf(relative).map((label) => (label === "*" ? WILDCARD : label));
  return joinLabels(labels).slice(0, -1);
}

/** Whether a name is reserved for markers. */
export function isMarkerName(name: Name, zone: Name): boolean {
  return name.endsWith(`.${SUBTREE}.${zone}`) || name === `${SUBTREE}.${zone}`;
}

/** Keeps the owner of each RRset in a TXT record of the same zone, which changes in the same step. */
export class RecordMarkers implements Backend {
  readonly zone: Name;
  readonly capabilities: Backend["capabilities"];
  readonly #backend: Backend;
  readonly #seen = new Map<string, RrSet | undefined>();

  constructor(backend: Backend) {
    this.#backend = backend;
    this.zone = backend.zone;
    this.capabilities = backend.capabilities;
  }

  async read(ids: readonly RrSetId[]): Promise<Map<string, Observed>> {
    const markers = ids.flatMap((id) => markerOf(id, this.zone) ?? []);
    const observed = await this.#backend.read([...ids, ...markers]);
    return this.#resolve(observed, ids);
  }

  apply(changes: readonly Change[]): Promise<"applied" | "stale"> {
    const pairs = changes.map((change) => ({ own: this.#own(change), marker: this.#marker(change) }));
    const markers = pairs.flatMap(({ marker }) => (marker === undefined ? [] : [marker]));
    // Without atomic batches, a marker without its RRset does no harm; an RRset without its marker would be foreign.
    return this.#backend.apply([
      ...markers.filter(({ after }) => after.rrset !== undefined),
      ...pairs.flatMap(({ own }) => (own === undefined ? [] : [own])),
      ...markers.filter(({ after }) => after.rrset === undefined),
    ]);
  }

  nameServers(): Promise<readonly Name[]> {
    return this.#backend.nameServers();
  }

  findZone(name: Name): Promise<Name | undefined> {
    return this.#backend.findZone(name);
  }

  close(): Promise<void> {
    return this.#backend.close();
  }

  #resolve(observed: Map<string, Observed>, ids: readonly RrSetId[]): Map<string, Observed> {
    const result = new Map<string, Observed>();
    const names = new Set(ids.map(({ name }) => name));
    // A transfer returns all of the zone: other names do not matter.
    const beside = [...observed.values()].flatMap(({ rrset }) =>
      rrset !== undefined && names.has(rrset.name) ? [rrset] : [],
    );
    for (const id of new Map([...ids, ...beside].map((one) => [keyOf(one), one])).values()) {
      if (isMarkerName(id.name, this.zone)) continue;
      const markerId = markerOf(id, this.zone);
      const marker = markerId && observed.get(keyOf(markerId))?.rrset;
      this.#seen.set(keyOf(id), marker);
      const owner = marker?.values.map(parseMarker).find((one) => one !== undefined);
      const { rrset } = observed.get(keyOf(id)) ?? { rrset: undefined };
      if (rrset !== undefined || owner !== undefined) result.set(keyOf(id), { rrset, owner });
    }
    return result;
  }

  /** The RRset's part of a change, without the owner, which the backend below does not know. */
  #own(change: Change): Change | undefined {
    const { before, after, group = change.name } = change;
    if (before.rrset === after.rrset) return undefined;
    const [from, to] = [before, after].map(({ rrset }) => ({ rrset, owner: undefined }));
    return { ...change, group, before: from!, after: to! };
  }

  #marker(change: Change): Change | undefined {
    const { before, after, group = change.name } = change;
    if (before.owner === after.owner) return undefined;
    const id = { name: markerName(change, this.zone), type: "TXT" };
    const seen = this.#seen.get(keyOf(change));
    if (seen !== undefined && parseMarker(seen.values[0] ?? "") === undefined) {
      throw new DnsError(`the name ${id.name} of the marker has other TXT records`);
    }
    const wanted = after.owner === undefined ? undefined : markerRrSet(id, after);
    return {
      ...id,
      group,
      before: { rrset: seen, owner: undefined },
      after: { rrset: wanted, owner: undefined },
    };
  }
}

/** A TTL that every server takes. */
const MARKER_TTL = 3600;

function markerRrSet(id: RrSetId, { owner }: Observed): RrSet {
  return { ...id, ttl: MARKER_TTL, values: [`"${formatMarker(owner!)}"`] };
}
