import { labelsOf, type Name } from "./client/name.ts";

/** All records of one name and type; the values are canonical and sorted. */
export interface RrSet {
  name: Name;
  type: string;
  /** In seconds. */
  ttl: number;
  values: readonly string[];
}

export type RrSetId = Pick<RrSet, "name" | "type">;

/** What was read for one name and type. */
export interface Observed {
  rrset: RrSet | undefined;
  /** The owner in its marker; `undefined` without a marker. */
  owner: string | undefined;
}

export const NOTHING: Observed = { rrset: undefined, owner: undefined };

/** A change from what was read to what is wanted. */
export interface Change extends RrSetId {
  /** Changes of one group stay together; default: those of one name. */
  group?: string;
  before: Observed;
  after: Observed;
}

export function keyOf({ name, type }: RrSetId): string {
  return `${name} ${type}`;
}

export function sameValues(a: RrSet | undefined, b: RrSet | undefined): boolean {
  return (
    a?.values.length === b?.values.length &&
    (a?.values.every((value, index) => value === b?.values[index]) ?? true)
  );
}

export function sameRrSet(a: RrSet | undefined, b: RrSet | undefined): boolean {
  return sameValues(a, b) && a?.ttl === b?.ttl;
}

/** Returns the values sorted, without duplicates. */
export function sortValues(values: Iterable<string>): string[] {
  return [...new Set(values)].toSorted();
}

/** Describes the values as in a zone file. */
export function describeRrSet(rrset: RrSet | undefined): string {
  if (rrset === undefined) return "nothing";
  return rrset.values.map((value) => `${rrset.ttl} ${rrset.type} ${shorten(value)}`).join(", ");
}

export function describeId({ name, type }: RrSetId): string {
  return `${name} ${type}`;
}

/** Whether a TXT value is an SPF record (RFC 7208, 4.5). */
export function isSpf(value: string): boolean {
  return /^"v=spf1( |"|$)/i.test(value);
}

const SHOWN = 120;

function shorten(value: string): string {
  return value.length > SHOWN ? `${value.slice(0, SHOWN)}…` : value;
}

/** Groups changes by name: a message may be split between groups. Parents come before their children. */
export function groupByName(changes: readonly Change[]): Change[][] {
  const groups = new Map<string, Change[]>();
  for (const change of changes) {
    const name = change.group ?? change.name;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [change]);
    else group.push(change);
  }
  return [...groups.values()]
    .map((group) => ({ group, order: labelsOf(group[0]!.name).toReversed().join("\0") }))
    .toSorted((a, b) => (a.order < b.order ? -1 : 1))
    .map(({ group }) => group);
}
