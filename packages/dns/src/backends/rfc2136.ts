import { type DnsClient, MAX_UPDATE, requireAnswer } from "../client/client.ts";
import { DnsError } from "../client/dns-error.ts";
import {
  CLASS,
  encodeUpdatePart,
  type ResourceRecord,
  type Response,
  sizeOf,
  type UpdatePart,
} from "../client/message.ts";
import { isWithin, joinLabels, labelsOf, type Name } from "../client/name.ts";
import {
  type Change,
  groupByName,
  keyOf,
  type Observed,
  type RrSet,
  type RrSetId,
  sameValues,
  sortValues,
} from "../rrset.ts";
import { type Backend, nameServersIn } from "./backend.ts";
import { RFC2136_CAPABILITIES } from "./capabilities.ts";

/** From this many RRsets on, the whole zone is transferred, where the server allows it. */
const TRANSFER_FROM = 100;
/** How many queries are in flight at a time. */
const PARALLEL = 64;
const STALE = new Set(["YXDOMAIN", "YXRRSET", "NXRRSET", "NXDOMAIN"]);

type Ask = (id: RrSetId) => Promise<RrSet[]>;

/** A primary server that takes dynamic updates. */
export class Rfc2136Backend implements Backend {
  readonly zone: Name;
  readonly capabilities = RFC2136_CAPABILITIES;
  readonly #client: DnsClient;
  readonly #mayTransfer: boolean;
  readonly #maySplit: boolean;
  #transferRefused = false;
  /** Names whose NS records come from a zone of this server. */
  readonly #childZones = new Set<Name>();

  constructor(client: DnsClient, zone: Name, { mayTransfer = true, maySplit = true } = {}) {
    this.#client = client;
    this.zone = zone;
    this.#mayTransfer = mayTransfer;
    this.#maySplit = maySplit;
  }

  async read(ids: readonly RrSetId[]): Promise<Map<string, Observed>> {
    if (ids.length >= TRANSFER_FROM) {
      const all = await this.#transfer();
      if (all !== undefined) return all;
    }
    const ask = this.#askOnce();
    const found = await inParallel(ids, (id) => this.#readOne(id, ask));
    return new Map(found.flat().map((rrset) => [keyOf(rrset), { rrset, owner: undefined }]));
  }

  /** `undefined` when the server does not allow it. */
  async #transfer(): Promise<Map<string, Observed> | undefined> {
    if (!this.#mayTransfer || this.#transferRefused) return undefined;
    try {
      return toRrSets(await this.#client.transfer(this.zone));
    } catch (error) {
      // A server that refuses transfers may still answer queries.
      if (error instanceof DnsError && error.isTransient && error.rcode !== "REFUSED") throw error;
      this.#transferRefused = true;
      return undefined;
    }
  }

  async apply(changes: readonly Change[]): Promise<"applied" | "stale"> {
    return this.#sendAll(groupByName(changes));
  }

  /** Finds the zone by the SOA record in an authoritative answer, positive or negative. */
  async findZone(name: Name): Promise<Name | undefined> {
    try {
      const { answer, authority, isAuthoritative } = await this.#client.query(name, "SOA");
      if (!isAuthoritative) return undefined;
      return [...answer, ...authority].find(({ type }) => type === "SOA")?.name;
    } catch (error) {
      if (error instanceof DnsError && error.rcode === "REFUSED") return undefined;
      throw error;
    }
  }

  nameServers(): Promise<readonly Name[]> {
    return nameServersIn(this);
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  /** Sends one message, or several, split between names, when one is not enough. */
  async #sendAll(groups: Change[][]): Promise<"applied" | "stale"> {
    const parts = groups.map((group) => toUpdate(group, this.zone));
    const messages = splitBySize(parts);
    if ((messages.length > 1 && !this.#maySplit) || parts.some((part) => sizeOf(part) > MAX_UPDATE)) {
      const records = parts.reduce((sum, { updates }) => sum + updates.count, 0);
      throw new DnsError(`the update does not fit into one message (${records} records)`);
    }
    for (const message of messages) if ((await this.#send(message)) === "stale") return "stale";
    return "applied";
  }

  async #send(parts: readonly UpdatePart[]): Promise<"applied" | "stale"> {
    const response = await this.#client.send(this.zone, parts);
    if (STALE.has(response.rcode)) return "stale";
    if (response.rcode === "NOTZONE" || response.rcode === "NOTAUTH") {
      throw new DnsError(`the server is not the primary of the zone ${this.zone} (${response.rcode})`);
    }
    requireAnswer(response, `an update of ${this.zone}`);
    return "applied";
  }

  /** Returns a function that asks each question once: the same wildcards are above thousands of names. */
  #askOnce(): Ask {
    const answers = new Map<string, Promise<RrSet[]>>();
    return (id) => {
      const known = answers.get(keyOf(id)) ?? this.#ask(id);
      answers.set(keyOf(id), known);
      return known;
    };
  }

  async #readOne(id: RrSetId, ask: Ask): Promise<RrSet[]> {
    const found = await ask(id);
    if (id.type === "NS" && id.name !== this.zone && found.some(({ type }) => type === "NS"))
      return this.#readDelegation(id, found);
    if (found.length === 0 || !(await this.#mayBeWildcard(id, found, ask))) return found;
    // Prerequisites ignore wildcards (RFC 2136, 3.2).
    return (await this.#holds([{ name: id.name, type: found[0]!.type, class: CLASS.ANY, ttl: 0 }]))
      ? found
      : [];
  }

  async #holds(prerequisites: ResourceRecord[]): Promise<boolean> {
    const { rcode } = await this.#client.update(this.zone, { prerequisites, updates: [] });
    return rcode === "NOERROR";
  }

  /** The server may have the zone below the delegation, too: it then answers with that zone's own NS records. */
  async #readDelegation({ name, type }: RrSetId, found: RrSet[]): Promise<RrSet[]> {
    if (!this.#childZones.has(name)) return found;
    const rrset = (await this.#transfer())?.get(keyOf({ name, type }))?.rrset;
    if (rrset !== undefined) return [rrset];
    if (!(await this.#holds([{ name, type, class: CLASS.ANY, ttl: 0 }]))) return [];
    const values = found.find((one) => one.type === type)?.values ?? [];
    if (await this.#holds(values.map((value) => ({ name, type, class: CLASS.IN, ttl: 0, value }))))
      return found;
    throw new DnsError(
      `the server also has the zone ${name}, whose name servers hide those that ${this.zone} names: allow a transfer of ${this.zone}`,
    );
  }

  async #ask({ name, type }: RrSetId): Promise<RrSet[]> {
    const response = await this.#client.query(name, type);
    if (response.rcode !== "NXDOMAIN") requireAnswer(response, `the question for ${name} ${type}`);
    if (type === "NS" && response.isAuthoritative) this.#childZones.add(name);
    return rrSetsIn(response, { name, type });
  }

  /** Whether the answer may come from a wildcard above the name. */
  async #mayBeWildcard({ name, type }: RrSetId, found: RrSet[], ask: Ask): Promise<boolean> {
    const labels = labelsOf(name);
    const depth = labels.length - labelsOf(this.zone).length;
    for (let cut = 1; cut <= depth; cut++) {
      const wildcard = { name: joinLabels(["*", ...labels.slice(cut)]), type };
      if (wildcard.name === name) continue;
      const above = await ask(wildcard);
      if (above.some((one) => found.some((rrset) => rrset.type === one.type && sameValues(one, rrset))))
        return true;
    }
    return false;
  }
}

/** The RRset of the query and CNAME; of a delegation, from the other sections. */
function rrSetsIn({ answer, authority, additional }: Response, { name, type }: RrSetId): RrSet[] {
  // A DNAME above the name is answered with a CNAME that does not exist (RFC 6672, 3.1).
  const isBelowDname = answer.some(
    (one) => one.type === "DNAME" && one.name !== name && isWithin(name, one.name),
  );
  const isOwn = (one: ResourceRecord) => one.type === type || (one.type === "CNAME" && !isBelowDname);
  const own = (records: readonly ResourceRecord[]) =>
    toRrSets(records.filter((one) => one.name === name && isOwn(one)));
  const sections = [
    answer,
    type === "NS" ? authority : [],
    type === "A" || type === "AAAA" ? additional : [],
  ];
  const first = sections.map(own).find((rrsets) => rrsets.size > 0) ?? new Map<string, Observed>();
  return [...first.values()].map(({ rrset }) => rrset!);
}

function toRrSets(records: readonly ResourceRecord[]): Map<string, Observed> {
  const sets = new Map<string, RrSet & { values: string[] }>();
  for (const { name, type, ttl, value } of records) {
    if (value === undefined) continue;
    const key = keyOf({ name, type });
    const set = sets.get(key);
    if (set === undefined) sets.set(key, { name, type, ttl, values: [value] });
    else set.values.push(value);
  }
  return new Map(
    [...sets].map(([key, set]) => [
      key,
      { rrset: { ...set, values: sortValues(set.values) }, owner: undefined },
    ]),
  );
}

/** Combines parts as long as they fit into one message. */
function splitBySize(parts: readonly UpdatePart[]): UpdatePart[][] {
  const messages: UpdatePart[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const part of parts) {
    size += sizeOf(part);
    if (size <= MAX_UPDATE) messages.at(-1)!.push(part);
    else {
      messages.push([part]);
      size = sizeOf(part);
    }
  }
  return messages;
}

function toUpdate(changes: readonly Change[], zone: Name): UpdatePart {
  const isUsed = new Set(changes.filter(({ before }) => before.rrset !== undefined).map(({ name }) => name));
  const prerequisites = changes.flatMap((change) => prerequisitesOf(change, isUsed.has(change.name)));
  // Deletions first: a CNAME may come in place of what they remove.
  const updates = [deletionsOf, additionsOf, lateDeletionsOf].flatMap((recordsOf) =>
    changes.flatMap((change) => recordsOf(change, zone)),
  );
  return encodeUpdatePart(zone, prerequisites, updates);
}

/** Requires that the RRset is exactly as it was read. */
function prerequisitesOf({ name, type, before: { rrset } }: Change, isUsed: boolean): ResourceRecord[] {
  if (rrset !== undefined)
    return rrset.values.map((value) => ({ name, type, class: CLASS.IN, ttl: 0, value }));
  // Servers silently ignore a CNAME beside other records.
  const absent = type === "CNAME" && !isUsed ? "ANY" : type;
  return [{ name, type: absent, class: CLASS.NONE, ttl: 0 }];
}

function deletionsOf({ name, type, before, after }: Change, zone: Name): ResourceRecord[] {
  if (before.rrset === undefined || isApexNs({ name, type }, zone)) return [];
  if (after.rrset !== undefined && after.rrset.ttl === before.rrset.ttl) {
    return deletionsOfValues(before.rrset, after.rrset);
  }
  return [{ name, type, class: CLASS.ANY, ttl: 0 }];
}

function additionsOf({ name, type, before, after: { rrset } }: Change, zone: Name): ResourceRecord[] {
  if (rrset === undefined) return [];
  const isOtherTtl = before.rrset !== undefined && before.rrset.ttl !== rrset.ttl;
  const values = isOtherTtl && isApexNs({ name, type }, zone) ? [TTL_SETTER, ...rrset.values] : rrset.values;
  return values.map((value) => ({ name, type, class: CLASS.IN, ttl: rrset.ttl, value }));
}

/** A name server that is added and deleted in one message: only a new record changes the TTL of an RRset. */
const TTL_SETTER = "nixops4-ttl.invalid.";

/** Deletes old name servers after the new ones are added: the NS records of a zone cannot be deleted as a whole. */
function lateDeletionsOf({ name, type, before, after }: Change, zone: Name): ResourceRecord[] {
  if (before.rrset === undefined || !isApexNs({ name, type }, zone)) return [];
  // PowerDNS deletes no NS record when the message deletes as many as the zone has, even when some do not exist.
  const added = before.rrset.ttl === after.rrset?.ttl ? [] : [TTL_SETTER];
  return deletionsOfValues({ ...before.rrset, values: [...before.rrset.values, ...added] }, after.rrset);
}

function deletionsOfValues({ name, type, values }: RrSet, kept: RrSet | undefined): ResourceRecord[] {
  return values
    .filter((value) => kept?.values.includes(value) !== true)
    .map((value) => ({ name, type, class: CLASS.NONE, ttl: 0, value }));
}

function isApexNs({ name, type }: RrSetId, zone: Name): boolean {
  return type === "NS" && name === zone;
}

async function inParallel<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < items.length; start += PARALLEL) {
    results.push(...(await Promise.all(items.slice(start, start + PARALLEL).map(work))));
  }
  return results;
}
