import type { Violation } from "@nixops4-providers/provider-sdk";
import type { Capabilities } from "../backends/backend.ts";
import { DnsError } from "../client/dns-error.ts";
import { isWithin, type Name, parseName } from "../client/name.ts";
import { canonicalValue, typeName, typeNumber } from "../client/rr-types.ts";
import { isMarkerName } from "../backends/markers.ts";
import { isSpf, keyOf, type RrSet, sortValues } from "../rrset.ts";

/** One record set of the inputs. */
export interface Wanted {
  /** Its path in the inputs, for errors. */
  path: string;
  name: string;
  type: string;
  ttl: number;
  values: readonly string[];
}

/** The inputs of `records` that name record sets. */
interface RecordsInputs {
  zone: string;
  records: Record<string, Record<string, { values: string[]; ttl?: number }>>;
  ttl: number;
}

const alreadyRead = new WeakMap<RecordsInputs, WantedRrSets>();

/** Parses the record sets of `records`. The check of the inputs and the work on them share the result. */
export function readRecords(inputs: RecordsInputs, capabilities: Capabilities): WantedRrSets {
  const known = alreadyRead.get(inputs) ?? readWanted(wantedOf(inputs), inputs.zone, capabilities);
  alreadyRead.set(inputs, known);
  return known;
}

function wantedOf({ records, ttl }: Omit<RecordsInputs, "zone">): Wanted[] {
  return Object.entries(records).flatMap(([name, types]) =>
    Object.entries(types).map(([type, { values, ttl: own = ttl }]) => ({
      path: `records.${name}.${type}`,
      name,
      type,
      ttl: own,
      values,
    })),
  );
}

/** Reports a mistake in a field of the inputs. */
type Report = (field: string, message: string) => void;

interface WantedRrSets {
  zone: Name;
  rrsets: RrSet[];
  violations: Violation[];
}

/** Parses the record sets of the inputs. Each mistake becomes a violation with its path. */
export function readWanted(
  wanted: readonly Wanted[],
  zone: string,
  capabilities: Capabilities,
): WantedRrSets {
  const violations: Violation[] = [];
  const apex = attempt(
    () => parseName(zone, "."),
    (message) => violations.push({ path: "zone", message }),
  );
  const rrsets: RrSet[] = [];
  for (const one of apex === undefined ? [] : wanted) {
    const report: Report = (field, message) =>
      void violations.push({ path: [one.path, field].filter((part) => part !== "").join("."), message });
    const rrset = readOne(one, apex!, capabilities, report);
    if (rrset !== undefined) rrsets.push(rrset);
  }
  return { zone: apex ?? ".", rrsets, violations };
}

function readOne(wanted: Wanted, zone: Name, capabilities: Capabilities, report: Report): RrSet | undefined {
  const name = readOwner(wanted, zone, report);
  checkType(wanted, capabilities, report);
  checkTtl(wanted, capabilities, report);
  if (name === undefined || typeNumber(wanted.type) === undefined) return undefined;
  const values = wanted.values.map((value, index) =>
    attempt(
      () => canonicalValue(wanted.type, value, zone),
      (message) => report(`values[${index}]`, message),
    ),
  );
  if (values.includes(undefined)) return undefined;
  const sorted = sortValues(values as string[]);
  if (sorted.length < values.length) report("values", "has the same value twice");
  if (capabilities.fixedNameServers === true && wanted.type === "NS" && name === zone)
    report("type", "the name servers of the zone belong to this kind of server");
  checkValues({ ...wanted, name, values: sorted }, zone, report);
  return { name, type: wanted.type, ttl: wanted.ttl, values: sorted };
}

function readOwner({ name }: Wanted, zone: Name, report: Report): Name | undefined {
  const owner = attempt(
    () => parseName(name, zone),
    (message) => report("name", message),
  );
  if (owner === undefined) return undefined;
  if (!isWithin(owner, zone)) report("name", `${owner} is not in the zone ${zone}`);
  else if (isMarkerName(owner, zone)) report("name", `the names below _owner.${zone} are kept for markers`);
  return owner;
}

function checkType({ type }: Wanted, { types }: Capabilities, report: Report): void {
  const number = typeNumber(type);
  if (number === undefined)
    report("type", `unknown type ${JSON.stringify(type)}: write it as TYPE and its number`);
  else if (typeName(number) !== type) report("type", `${type} must be written as ${typeName(number)}`);
  else if (type === "SOA") report("type", "the SOA record belongs to the server");
  else if (types?.includes(type) === false)
    report("type", `this kind of server takes no ${type} records, only ${types.join(", ")}`);
}

function checkTtl(
  { ttl, type }: Wanted,
  { ttl: { min, max }, proxiedTypes }: Capabilities,
  report: Report,
): void {
  if (proxiedTypes?.includes(type) === true) {
    if (ttl !== 1) report("ttl", "must be 1 (automatic) for what is proxied");
  } else if (ttl < min || ttl > max) report("ttl", `must be from ${min} to ${max} s on this kind of server`);
}

function checkValues({ name, type, values }: Wanted, zone: Name, report: Report): void {
  if (type === "CNAME" || type === "DNAME") {
    if (values.length > 1) report("values", `a name has at most one ${type}`);
    if (type === "CNAME" && name === zone)
      report("type", "the zone itself cannot have a CNAME: it has SOA and NS");
    if (values[0] === name) report("values[0]", `must not point to its own name`);
  }
  if (type === "TXT" && values.filter(isSpf).length > 1)
    report("values", "has two SPF records: receivers then take none");
  if (type === "NS" && name === zone && values.length === 0) report("values", "a zone needs name servers");
}

/** Returns the contradictions between the record sets of one resource. */
export function checkTogether(rrsets: readonly RrSet[]): Violation[] {
  const present = rrsets.filter(({ values }) => values.length > 0);
  const cnames = new Map(present.filter(({ type }) => type === "CNAME").map((rrset) => [rrset.name, rrset]));
  const violations: Violation[] = [];
  const pathOf = ({ name, type }: RrSet) => `records.${name}.${type}`;
  const seen = new Map<string, RrSet>();
  for (const rrset of rrsets) {
    const { name, type, values } = rrset;
    const earlier = seen.get(keyOf(rrset));
    if (earlier !== undefined && earlier.values.length + values.length > 0)
      violations.push({ path: pathOf(rrset), message: `${name} ${type} is given twice` });
    if (earlier === undefined || values.length > 0) seen.set(keyOf(rrset), rrset);
  }
  for (const rrset of present) {
    const { name, type, values } = rrset;
    if (type !== "CNAME" && cnames.has(name)) {
      violations.push({ path: pathOf(rrset), message: `${name} is a CNAME, which allows nothing beside it` });
    }
    if (type === "CNAME" && isInLoop(rrset, cnames)) {
      violations.push({ path: pathOf(rrset), message: `${name} is part of a loop of CNAME records` });
    }
    for (const value of values) {
      const target = targetOf(type, value);
      if (type !== "CNAME" && target !== undefined && cnames.has(target)) {
        violations.push({ path: pathOf(rrset), message: `the target ${target} of ${type} is a CNAME` });
      }
    }
  }
  return violations;
}

function isInLoop(start: RrSet, cnames: ReadonlyMap<string, RrSet>): boolean {
  let next = cnames.get(start.values[0]!);
  for (let steps = 0; next !== undefined && steps <= cnames.size; steps++) {
    if (next.name === start.name) return start.values[0] !== start.name;
    next = cnames.get(next.values[0]!);
  }
  return false;
}

/** Returns the target of an MX, NS, SRV or CNAME value; `undefined` for the root, which means no target. */
export function targetOf(type: string, value: string): Name | undefined {
  const index = { MX: 1, NS: 0, SRV: 3, CNAME: 0 }[type];
  const target = index === undefined ? undefined : value.split(" ")[index];
  return target === "." ? undefined : target;
}

function attempt<Result>(read: () => Result, report: (message: string) => void): Result | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof DnsError)) throw error;
    report(error.message);
    return undefined;
  }
}
