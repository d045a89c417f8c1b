import { isWithin, type Name, parseName } from "../client/name.ts";
import { type Change, keyOf, NOTHING, type Observed, type RrSetId, sameRrSet } from "../rrset.ts";

/** What a kind of server can do, for the checks and the reference. */
export interface Capabilities {
  /** Whether a write fails when another has come first. */
  compareAndSet: boolean;
  /** Whether several RRsets, and TTL and values of one, change in one step, or nothing does. */
  atomicBatch: boolean;
  ttl: { min: number; max: number };
  /** Where the owner of an RRset is noted. */
  marker: "record" | "comment";
  /** What an owner may be called, when not all that the input takes. */
  owner?: { pattern: RegExp; rule: string };
  /** Types that it takes; `undefined`: all. */
  types?: readonly string[];
  /** Types that its name servers answer with addresses of their own, for a time of their own. */
  proxiedTypes?: readonly string[];
  /** Whether the zone's own NS records are the service's alone. */
  fixedNameServers?: boolean;
  /** How long it may take until a write can be read. */
  lagSeconds: number;
}

/** The RRsets of one zone on one kind of server. */
export interface Backend {
  readonly zone: Name;
  readonly capabilities: Capabilities;
  /** What is at these names and types; CNAME records at the names are returned, too. */
  read(ids: readonly RrSetId[]): Promise<Map<string, Observed>>;
  /** `stale`: something is no longer as it was seen before, and nothing, or only a part, was changed. */
  apply(changes: readonly Change[]): Promise<"applied" | "stale">;
  /** The names of the zone's name servers. */
  nameServers(): Promise<readonly Name[]>;
  /** The longest zone on the same server that a name is in. */
  findZone(name: Name): Promise<Name | undefined>;
  close(): Promise<void>;
}

/** The name servers as the zone's own NS records name them. */
export async function nameServersIn(backend: Pick<Backend, "read" | "zone">): Promise<readonly Name[]> {
  const apex = { name: backend.zone, type: "NS" };
  return (await backend.read([apex])).get(keyOf(apex))?.rrset?.values ?? [];
}

/** The longest of the zones that a name is in. */
export function longestZone(name: Name, zones: readonly string[]): Name | undefined {
  const above = zones.map((zone) => parseName(zone)).filter((zone) => isWithin(name, zone));
  return above.toSorted((a, b) => b.length - a.length)[0];
}

/** Whether nothing has changed; the marker of an RRset that is not there says nothing. */
export function isAsSeen(now: Observed | undefined, before: Observed): boolean {
  const { rrset, owner } = now ?? NOTHING;
  return sameRrSet(rrset, before.rrset) && (rrset === undefined || owner === before.owner);
}

/** Does something while no other process of ours does it for the same thing. */
export type Lock = <Result>(what: string, work: () => Promise<Result>) => Promise<Result>;
