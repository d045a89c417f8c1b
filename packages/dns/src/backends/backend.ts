import type { Name } from "../client/name.ts";
import type { Change, Observed, RrSetId } from "../rrset.ts";

/** What a kind of server can do, for the checks and the reference. */
export interface Capabilities {
  /** Whether a write fails when another has come first. */
  compareAndSet: boolean;
  /** Whether several RRsets change in one step, or none does. */
  atomicBatch: boolean;
  ttl: { min: number; max: number };
  /** Where the owner of an RRset is noted. */
  marker: "record" | "comment";
  /** Types that it does not take. */
  refusedTypes: readonly string[];
  /** Whether the name servers answer what was written. */
  servesAsWritten: boolean;
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
  /** The longest zone on the same server that a name is in. */
  findZone(name: Name): Promise<Name | undefined>;
  close(): Promise<void>;
}
