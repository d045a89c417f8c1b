import type { Name } from "../client/name.ts";
import {
  type Change,
  describeId,
  describeRrSet,
  isSpf,
  keyOf,
  NOTHING,
  type Observed,
  type RrSet,
  type RrSetId,
  sameRrSet,
  sameValues,
  sortValues,
} from "../rrset.ts";

type OnConflict = "refuse" | "adopt" | "overwrite" | "merge";

/** An RRset that must not exist. */
export interface Removal extends RrSetId {
  /** Our values of it, when it is not in `previous`. */
  values?: readonly string[] | undefined;
  /** Whether to keep it when it has other values, although it is ours. */
  onlyIfSame?: boolean;
}

/** What a resource wants of a zone. */
export interface Plan {
  desired: readonly RrSet[];
  removed: readonly Removal[];
  /** What the last run wrote, by key. */
  previous: ReadonlyMap<string, RrSet>;
  onConflict: OnConflict;
  /** The owner in the markers; `undefined` without markers. */
  owner: string | undefined;
  /** The owner in the markers of the last run. */
  previousOwner?: string | undefined;
  /** Whether the last run wrote to another server. */
  isMoved?: boolean;
  /** The zone, whose own name servers are never removed. */
  zone?: Name;
}

export interface Decision {
  changes: Change[];
  /** Descriptions of wanted RRsets that belong to somebody else. */
  conflicts: string[];
  /** Descriptions of RRsets that were not removed because they belong to somebody else. */
  left: string[];
}

/** Decides what to change. Reads and writes nothing. */
export function decide(plan: Plan, observed: ReadonlyMap<string, Observed>): Decision {
  const decision: Decision = { changes: [], conflicts: [], left: [] };
  const at = (id: RrSetId) => observed.get(keyOf(id)) ?? NOTHING;
  for (const rrset of plan.desired) decideDesired(plan, rrset, at(rrset), decision);
  for (const id of plan.removed) decideRemoved(plan, id, at(id), decision);
  decideCoexistence(plan, observed, decision);
  return decision;
}

function decideDesired(plan: Plan, rrset: RrSet, seen: Observed, { changes, conflicts }: Decision): void {
  const isMerged = plan.onConflict === "merge" && seen.rrset !== undefined && !isOurs(plan, rrset, seen);
  const isTaken =
    plan.onConflict === "overwrite" || (plan.onConflict === "adopt" && sameValues(seen.rrset, rrset));
  if (seen.rrset !== undefined && !isMerged && !isTaken && !isOurs(plan, rrset, seen)) {
    conflicts.push(describeConflict(rrset, seen));
    return;
  }
  const after = isMerged
    ? { rrset: mergeInto(seen.rrset!, rrset, plan.previous.get(keyOf(rrset))), owner: seen.owner }
    : { rrset, owner: plan.owner ?? (seen.owner === plan.previousOwner ? undefined : seen.owner) };
  if (isMerged && after.rrset.type === "TXT" && after.rrset.values.filter(isSpf).length > 1) {
    conflicts.push(
      `${describeId(rrset)}: with ${describeRrSet(seen.rrset)} it has two SPF records, and receivers then take none`,
    );
    return;
  }
  if (!sameRrSet(seen.rrset, after.rrset) || seen.owner !== after.owner) {
    const { name, type } = rrset;
    changes.push({
      name,
      type,
      before: seen,
      after: sameRrSet(seen.rrset, after.rrset) ? { ...after, rrset: seen.rrset } : after,
    });
  }
}

function decideRemoved(plan: Plan, id: Removal, seen: Observed, { changes, left }: Decision): void {
  const { name, type, values } = id;
  if (seen.rrset === undefined) {
    const isOurMarker =
      seen.owner !== undefined && (seen.owner === plan.owner || seen.owner === plan.previousOwner);
    if (isOurMarker) changes.push({ name, type, before: seen, after: NOTHING });
    return;
  }
  const own = values ?? plan.previous.get(keyOf(id))?.values;
  if (id.onlyIfSame === true && !sameValues(seen.rrset, { name, type, ttl: 0, values: own ?? [] })) return;
  const mayRemove = plan.onConflict === "overwrite" || isOurs(plan, { name, type, values: own ?? [] }, seen);
  if (mayRemove && type === "NS" && name === plan.zone) {
    left.push(`${describeId(id)}: a zone needs its name servers`);
    if (seen.owner !== undefined)
      changes.push({ name, type, before: seen, after: { ...seen, owner: undefined } });
  } else if (mayRemove) {
    changes.push({ name, type, before: seen, after: NOTHING });
  } else if (plan.onConflict === "merge" && own !== undefined) {
    removeValues(id, own, seen, changes);
  } else {
    left.push(`${describeId(id)} belongs to ${ownerOf(seen)}: ${describeRrSet(seen.rrset)}`);
  }
}

function removeValues(
  { name, type }: RrSetId,
  own: readonly string[],
  seen: Observed,
  changes: Change[],
): void {
  const values = seen.rrset!.values.filter((value) => !own.includes(value));
  if (values.length === seen.rrset!.values.length) return;
  const rrset = values.length === 0 ? undefined : { ...seen.rrset!, values };
  changes.push({
    name,
    type,
    before: seen,
    after: { rrset, owner: rrset === undefined ? undefined : seen.owner },
  });
}

/** A CNAME can have nothing beside it (RFC 1034, 3.6.2). */
function decideCoexistence(plan: Plan, observed: ReadonlyMap<string, Observed>, decision: Decision): void {
  const handled = new Set([...plan.desired, ...plan.removed].map(keyOf));
  const desired = new Map<string, RrSet[]>();
  for (const rrset of plan.desired) desired.set(rrset.name, [...(desired.get(rrset.name) ?? []), rrset]);
  for (const { rrset, owner } of observed.values()) {
    if (rrset === undefined || handled.has(keyOf(rrset)) || isBesideCname(rrset)) continue;
    const clash = desired
      .get(rrset.name)
      ?.find(({ type }) => (type === "CNAME") !== (rrset.type === "CNAME"));
    if (clash === undefined) continue;
    const { name, type } = rrset;
    if (plan.onConflict === "overwrite") {
      decision.changes.push({ name, type, before: { rrset, owner }, after: NOTHING });
    } else {
      const what =
        type === "CNAME" ? "a CNAME, which allows nothing beside it" : "records, which allow no CNAME";
      decision.conflicts.push(
        `${describeId(clash)}: the name has ${what}, of ${ownerOf({ owner })}: ${describeRrSet(rrset)}`,
      );
    }
  }
}

function isBesideCname({ type }: RrSet): boolean {
  return ["RRSIG", "NSEC", "TYPE46", "TYPE47"].includes(type);
}

/** Decides by the marker. The state decides only without markers, or when a marker is missing. */
function isOurs(
  plan: Plan,
  wanted: RrSetId & { values: readonly string[] },
  { rrset, owner }: Observed,
): boolean {
  const previous = plan.previous.get(keyOf(wanted));
  if (owner !== undefined && plan.owner !== undefined)
    return owner === plan.owner || (previous !== undefined && owner === plan.previousOwner);
  const isAsWanted = sameValues(rrset, { ...wanted, ttl: 0 });
  const isKnown = previous !== undefined && (isAsWanted || sameValues(rrset, previous));
  if (plan.owner !== undefined || isKnown) return isKnown;
  return isAsWanted || (previous !== undefined && plan.isMoved !== true);
}

/** Keeps the values of others and their TTL. */
function mergeInto(seen: RrSet, wanted: RrSet, previous: RrSet | undefined): RrSet {
  const others = seen.values.filter((value) => previous?.values.includes(value) !== true);
  return {
    ...wanted,
    ttl: others.every((value) => wanted.values.includes(value)) ? wanted.ttl : seen.ttl,
    values: sortValues([...others, ...wanted.values]),
  };
}

function describeConflict(wanted: RrSet, seen: Observed): string {
  const lines = [
    ...seen.rrset!.values.filter((value) => !wanted.values.includes(value)).map((value) => `-     ${value}`),
    ...wanted.values.map((value) => `${seen.rrset!.values.includes(value) ? " " : "+"}     ${value}`),
  ];
  const ttl =
    seen.rrset!.ttl === wanted.ttl ? [] : [`      TTL ${seen.rrset!.ttl} s, wanted ${wanted.ttl} s`];
  return [`${describeId(wanted)} belongs to ${ownerOf(seen)}:`, ...lines, ...ttl].join("\n");
}

function ownerOf({ owner }: Pick<Observed, "owner">): string {
  return owner === undefined ? "somebody else (it has no marker)" : `the owner ${JSON.stringify(owner)}`;
}
