import type { Lock } from "../src/backends/backend.ts";
import { type Change, NOTHING, type Observed } from "../src/rrset.ts";

/** What a read shows. */
export function observed(
  name: string,
  type: string,
  values: readonly string[],
  { ttl = 300, owner }: { ttl?: number; owner?: string | undefined } = {},
): Observed {
  return { rrset: { name, type, ttl, values }, owner };
}

/** The change from one to the other; at least one of them has an RRset. */
export function change(before: Observed, after: Observed): Change {
  const { name, type } = (after.rrset ?? before.rrset)!;
  return { name, type, before, after };
}

export const creation = (after: Observed) => change(NOTHING, after);
export const removal = (before: Observed) => change(before, NOTHING);

/** A lock for one process. */
export const unlocked: Lock = (_, work) => work();
