import { isWithin, type Name, parseName } from "../client/name.ts";
import { type Change, keyOf, NOTHING, type Observed, type RrSetId, sameRrSet } from "../rrset.ts";

/** What a kind of server can do. */
export interface Capabilities {
  /** Whether a write fails when somebody else has changed the records since they were read. */
  compareAndSet: boolean;
  /** Whether several RRsets, and TTL and values of one RRset, change in one step or not at all. */
  atomicBatch: boolean;
  ttl: { min: number; max: number };
  /** Where the owner of an RRset is noted. */
  marker: "record" | "comment";
  /** Which names of owners it accepts, when not all of those that the input accepts. */
  owner?: { pattern: RegExp; rule: string };
  /** The types that it accepts; `undefined`: all. */
  types?: readonly string[];
  /** Types for which its name servers answer their own addresses and TTL. */
  proxiedTypes?: readonly string[];
  /** Whether only the service can change the NS records of the zone. */
  fixedNameServers?: boolean;
  /** How many seconds it may take until a read shows a write. */
  lagSeconds: number;
}

/** The RRsets of one zone on one kind of server. */
export interface Backend {
  readonly zone: Name;
  readonly capabilities: Capabilities;
  /** Reads the RRsets with these names and types, and CNAME records with these names. */
  read(ids: readonly RrSetId[]): Promise<Map<string, Observed>>;
  /** Writes. `stale`: an RRset has changed since it was read, and nothing, or only a part, was written. */
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

/** Whether nothing has changed. The marker of an RRset that does not exist is ignored. */
export function isAsSeen(now: Observed | undefined, before: Observed): boolean {
  const { rrset, owner } = now ?? NOTHING;
  return sameRrSet(rrset, before.rrset) && (rrset === undefined || owner === before.owner);
}

/** Runs `work` while no other process of this user runs it for the same `what`. */
export type Lock = <Result>(what: string, work: () => Promise<Result>) => Promise<Result>;
