import { ProviderError } from "@nixops4-providers/provider-sdk";
import type { Backend } from "../backends/backend.ts";
import { isWithin, joinLabels, labelsOf, type Name } from "../client/name.ts";
import type { Plan } from "./decide.ts";
import { describeId, keyOf, type Observed, type RrSet, type RrSetId } from "../rrset.ts";
import { targetOf } from "./wanted.ts";

const ADDRESSES = ["A", "AAAA"];
const MAX_CHAIN = 16;
const HIDING = ["NS", "DNAME"];
/** What may be at the name of a delegation: addresses as glue. */
const AT_DELEGATION = ["NS", "DS", ...ADDRESSES];

/**
 * Refuses loops of CNAME records, MX, NS and SRV records whose target in the zone is a CNAME or has no address, and
 * records that no name server would serve, since they are below a delegation or a DNAME.
 */
export async function checkTargets(backend: Backend, plan: Plan): Promise<void> {
  const view = new ZoneView(backend, plan);
  const problems: string[] = [];
  await view.loadAbove(plan.desired);
  for (const rrset of plan.desired) {
    const hidden = view.hiddenBy(rrset);
    if (hidden !== undefined) problems.push(`  ${describeId(rrset)}: ${hidden}`);
    for (const value of rrset.values) {
      const target = targetOf(rrset.type, value);
      const problem = target === undefined ? undefined : await view.problemOf(rrset, target);
      if (problem !== undefined) problems.push(`  ${describeId(rrset)}: ${problem}`);
    }
  }
  if (problems.length === 0) return;
  throw new ProviderError(`these records would not work:\n${problems.join("\n")}`, {
    hint: "Nothing was changed. Add the missing records first (as members that this one depends on), or change the target.",
  });
}

/** The zone as it will be after the change. */
class ZoneView {
  readonly #backend: Backend;
  readonly #desired: Map<string, RrSet>;
  readonly #removed: Set<string>;
  #read = new Map<string, Observed>();

  constructor(backend: Backend, plan: Plan) {
    this.#backend = backend;
    this.#desired = new Map(plan.desired.map((rrset) => [keyOf(rrset), rrset]));
    this.#removed = new Set(plan.removed.map(keyOf));
  }

  async problemOf({ type, name }: RrSet, target: Name): Promise<string | undefined> {
    if (!isWithin(target, this.#backend.zone)) return undefined;
    if (type === "CNAME")
      return (await this.#leadsTo(target, name)) ? "its CNAME records make a loop" : undefined;
    await this.#load(["CNAME", ...ADDRESSES].map((one) => ({ name: target, type: one })));
    if (this.#has(target, "CNAME")) return `the target ${target} is a CNAME`;
    if (ADDRESSES.some((one) => this.#has(target, one))) return undefined;
    return (await this.#isElsewhere(target)) ? undefined : `the target ${target} has no address in the zone`;
  }

  /** Reads, for {@link hiddenBy}, what is above these record sets and at their names. */
  async loadAbove(rrsets: readonly RrSet[]): Promise<void> {
    const ids = rrsets.flatMap(({ name, type }) => [
      ...this.#parentsOf(name).flatMap((parent) => HIDING.map((one) => ({ name: parent, type: one }))),
      ...(name === this.#backend.zone || AT_DELEGATION.includes(type) ? [] : [{ name, type: "NS" }]),
    ]);
    await this.#load([...new Map(ids.map((id) => [keyOf(id), id])).values()]);
  }

  /** Why no name server would serve the record set; `undefined` when it would be served. */
  hiddenBy({ name, type }: RrSet): string | undefined {
    const isGlueOf = (delegation: Name) =>
      ADDRESSES.includes(type) &&
      this.#rrset({ name: delegation, type: "NS" })?.values.includes(name) === true;
    for (const parent of this.#parentsOf(name)) {
      if (this.#has(parent, "DNAME")) return `it would not be served: ${parent} has a DNAME`;
      if (this.#has(parent, "NS") && !isGlueOf(parent))
        return `it would not be served: ${parent} is delegated to other name servers`;
    }
    const isDelegated = name !== this.#backend.zone && !AT_DELEGATION.includes(type) && this.#has(name, "NS");
    return isDelegated ? "it would not be served: the name is delegated to other name servers" : undefined;
  }

  /** The names between a name and the zone. */
  #parentsOf(name: Name): Name[] {
    const { zone } = this.#backend;
    const labels = labelsOf(name);
    const count = labels.length - labelsOf(zone).length;
    return Array.from({ length: Math.max(0, count - 1) }, (_, index) => joinLabels(labels.slice(index + 1)));
  }

  async #leadsTo(start: Name, end: Name): Promise<boolean> {
    for (let name: Name | undefined = start, steps = 0; name !== undefined && steps < MAX_CHAIN; steps++) {
      if (name === end) return true;
      await this.#load([{ name, type: "CNAME" }]);
      name = this.#rrset({ name, type: "CNAME" })?.values[0];
    }
    return false;
  }

  /** Whether the name is below a delegation, or a wildcard answers for it. */
  async #isElsewhere(target: Name): Promise<boolean> {
    const { zone } = this.#backend;
    const above = this.#parentsOf(target);
    const wildcards = [...above, zone].flatMap((name) =>
      [...ADDRESSES, "CNAME"].map((type) => ({ name: `*.${name}`, type })),
    );
    const delegations = above.map((name) => ({ name, type: "NS" }));
    await this.#load([...wildcards, ...delegations]);
    return [...wildcards, ...delegations].some(({ name, type }) => this.#has(name, type));
  }

  #has(name: Name, type: string): boolean {
    return this.#rrset({ name, type }) !== undefined;
  }

  #rrset(id: RrSetId): RrSet | undefined {
    const key = keyOf(id);
    return this.#desired.get(key) ?? (this.#removed.has(key) ? undefined : this.#read.get(key)?.rrset);
  }

  async #load(ids: RrSetId[]): Promise<void> {
    const missing = ids.filter((id) => !this.#read.has(keyOf(id)) && !this.#desired.has(keyOf(id)));
    if (missing.length === 0) return;
    const read = await this.#backend.read(missing);
    for (const id of missing) this.#read.set(keyOf(id), { rrset: undefined, owner: undefined });
    this.#read = new Map([...this.#read, ...read]);
  }
}
