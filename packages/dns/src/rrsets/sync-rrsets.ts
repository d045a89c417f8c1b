import { type Context, ProviderError } from "@nixops4-providers/provider-sdk";
import type { Backend } from "../backends/backend.ts";
import { KNOWN_TYPES } from "../client/rr-types.ts";
import { type Decision, decide, type Plan } from "./decide.ts";
import { Patience } from "../backends/patience.ts";
import {
  type Change,
  describeId,
  describeRrSet,
  keyOf,
  type Observed,
  type RrSetId,
  sameRrSet,
} from "../rrset.ts";

export interface Synced {
  /** The first change of each RRset, by key; empty when nothing was changed. */
  changed: Map<string, Change>;
  /** The current records. */
  observed: Map<string, Observed>;
}

/**
 * Makes a zone match a plan: reads, decides, writes on the condition that nothing has changed since, and reads again,
 * until nothing is left to do. The next read shows what a failed write has done.
 */
export async function syncRrSets(
  backend: Backend,
  plan: Plan,
  context: Context,
  beforeFirstWrite: (decision: Decision, observed: Map<string, Observed>) => Promise<void> = async () => {},
): Promise<Synced> {
  const ids = idsOf(plan);
  const changed = new Map<string, Change>();
  let sent: { changes: Change[]; at: number } | undefined;
  let refused: { changes: Change[]; at: number } | undefined;
  let isAnnounced = false;
  const patience = new Patience(context.signal);
  for (;;) {
    const observed = await backend.read(ids);
    const decision = decide(plan, observed);
    refuseConflicts(decision, backend.zone);
    patience.note(decision.changes.length);
    if (!isAnnounced) {
      decision.left.forEach((line) => context.log.warn(`left alone: ${line}`));
      if (decision.changes.length > 0) await beforeFirstWrite(decision, observed);
      isAnnounced = true;
    }
    if (decision.changes.length === 0) return { changed, observed };
    if (sent !== undefined) {
      const ignored = ignoredOf(sent.changes, decision.changes);
      const isLate = performance.now() - sent.at > backend.capabilities.lagSeconds * 1000;
      if (ignored.length > 0 && isLate) throw ignoredError(ignored);
      if (ignored.length > 0) {
        await patience.pause();
        continue;
      }
    }
    sent = undefined;
    const result = await patience.try(() => backend.apply(decision.changes));
    // It may have happened even without an answer.
    for (const change of decision.changes)
      if (!changed.has(keyOf(change))) changed.set(keyOf(change), change);
    if (result === "applied") sent = { changes: decision.changes, at: performance.now() };
    if (result !== "stale") continue;
    if (refused === undefined || !areSame(refused.changes, decision.changes))
      refused = { changes: decision.changes, at: performance.now() };
    const seconds = (performance.now() - refused.at) / 1000;
    if (seconds > HIDDEN_SECONDS + backend.capabilities.lagSeconds) throw hiddenError(decision.changes);
    await patience.stale();
  }
}

/** The RRsets to read: those that are wanted or removed, and those that a CNAME excludes. */
function idsOf({ desired, removed }: Plan): RrSetId[] {
  const ids = [...desired, ...removed].flatMap(({ name, type }) => [
    { name, type },
    ...(type === "CNAME" ? BESIDE_CNAME.map((other) => ({ name, type: other })) : []),
  ]);
  return [...new Map(ids.map((id) => [keyOf(id), id])).values()];
}

const BESIDE_CNAME = KNOWN_TYPES.filter((type) => type !== "CNAME" && type !== "SOA");
/** For how long a server may refuse what nothing that can be read explains. */
const HIDDEN_SECONDS = 5;

function refuseConflicts({ conflicts }: Decision, zone: string): void {
  if (conflicts.length === 0) return;
  throw new ProviderError(
    `the zone ${zone} has records that are not ours:\n${indent(conflicts.join("\n"))}`,
    {
      hint:
        'Nothing was changed. Take them over with onConflict = "adopt" (when they are as wanted) or "overwrite", keep ' +
        'them with "merge", or set `marker.owner` to their owner.',
    },
  );
}

/** Returns the changes that the server accepted but did not make. */
function ignoredOf(sent: readonly Change[], open: readonly Change[]): Change[] {
  const before = new Map(sent.map((change) => [keyOf(change), change]));
  return open.filter((change) => {
    const earlier = before.get(keyOf(change));
    if (earlier === undefined) return false;
    // The marker, another record, may have been written.
    const isOpen =
      sameRrSet(earlier.before.rrset, change.before.rrset) &&
      sameRrSet(earlier.after.rrset, change.after.rrset);
    return isOpen && (!sameRrSet(change.before.rrset, change.after.rrset) || isSameChange(earlier, change));
  });
}

function areSame(a: readonly Change[], b: readonly Change[]): boolean {
  return (
    a.length === b.length &&
    a.every((one, index) => keyOf(one) === keyOf(b[index]!) && isSameChange(one, b[index]!))
  );
}

function isSameChange(a: Change, b: Change): boolean {
  return isSame(a.before, b.before) && isSame(a.after, b.after);
}

function isSame(a: Observed, b: Observed): boolean {
  return a.owner === b.owner && sameRrSet(a.rrset, b.rrset);
}

function hiddenError(changes: readonly Change[]): ProviderError {
  const ids = changes.map((change) => `  ${describeId(change)}`).join("\n");
  return new ProviderError(
    `the server does not make these changes, because of records that it does not show when it is asked:\n${ids}`,
    {
      hint:
        "Look at the zone by a transfer (dig AXFR): the name may have records of another type, which allow no CNAME, or be below " +
        "a delegation or a DNAME. Or the server answers questions from another view, or another server, than it takes updates for.",
    },
  );
}

function ignoredError(ignored: readonly Change[]): ProviderError {
  const lines = ignored.map(
    (change) =>
      `${describeId(change)}: wanted ${describeRrSet(change.after.rrset)}, found ${describeRrSet(change.before.rrset)}`,
  );
  return new ProviderError(
    `the server accepted changes but did not make them:\n${indent(lines.join("\n"))}`,
    {
      hint: "A server ignores what a zone cannot have, such as a CNAME beside other records, and does not show what is below a delegation.",
    },
  );
}

function indent(text: string): string {
  return text.replace(/^/gm, "  ");
}
