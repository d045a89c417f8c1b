import { DnsError } from "../client/dns-error.ts";
import { type Name, parseName } from "../client/name.ts";
import { formatMarker, parseMarker } from "./markers.ts";
import { type Change, groupByName, keyOf } from "../rrset.ts";
import type { Lock } from "./backend.ts";
import { CLOUDFLARE_CAPABILITIES, CLOUDFLARE_PROXIED_CAPABILITIES } from "./capabilities.ts";
import { CloudBackend, type CloudRrSet, withoutDot } from "./cloud.ts";
import { fromContent, toContent } from "./cloudflare-records.ts";
import type { HttpApi } from "./http.ts";
import { asArray, asObject, asString } from "./json.ts";

const PER_PAGE = 1000;
/** The limit of a free plan. */
const MAX_BATCH = 200;
const AUTOMATIC_TTL = 1;
/** The automatic TTL of records that are not proxied. */
const AUTOMATIC_SECONDS = 300;
/** The record does not exist, or exists already: somebody else changed it first. */
const STALE_CODES = new Set([81044, 81053, 81054, 81057, 81058]);

interface CloudflareRecord {
  id: string;
  type: string;
  value: string;
  ttl: number;
  proxied: boolean;
  comment: string;
}

interface Batch {
  deletes: object[];
  patches: object[];
  posts: object[];
}

interface Options {
  proxied: boolean;
  /** Whether changes may be sent in several batches. */
  maySplit: boolean;
}

/** Cloudflare, whose unit is the record. A batch is one transaction. */
export class CloudflareBackend extends CloudBackend {
  readonly capabilities;
  readonly #options: Options;
  readonly #records = new Map<string, CloudflareRecord[]>();
  #zone: Promise<{ path: string; nameServers: readonly Name[] }> | undefined;

  constructor(api: HttpApi, zone: Name, lock: Lock, options: Options) {
    super(api, zone, lock);
    this.#options = options;
    this.capabilities = options.proxied ? CLOUDFLARE_PROXIED_CAPABILITIES : CLOUDFLARE_CAPABILITIES;
  }

  /** The zone's own NS records are not among its records. */
  override async nameServers(): Promise<readonly Name[]> {
    return (await this.#findZone()).nameServers;
  }

  protected async list(): Promise<CloudRrSet[]> {
    const { path } = await this.#findZone();
    this.#records.clear();
    for (const record of await this.#pages(`${path}?per_page=${PER_PAGE}`)) this.#note(record);
    return [...this.#records].map(([key, records]) => this.#toRrSet(key, records));
  }

  protected async write(changes: readonly Change[]): Promise<"applied" | "stale"> {
    const batches = this.#batchesOf(changes);
    if (batches.length > 1 && !this.#options.maySplit) {
      throw new DnsError(`the changes do not fit into one batch of ${MAX_BATCH} records`);
    }
    for (const batch of batches) if ((await this.#send(batch)) === "stale") return "stale";
    return "applied";
  }

  protected async zonesAbove(): Promise<string[]> {
    return (await this.#pages("/zones?per_page=50")).map((zone) => asString(zone["name"]));
  }

  #findZone() {
    this.#zone ??= this.#readZone();
    return this.#zone;
  }

  async #readZone() {
    const name = withoutDot(this.zone);
    const [zone] = await this.#pages(`/zones?name=${encodeURIComponent(name)}&per_page=50`);
    if (zone === undefined)
      throw new DnsError(`the account has no zone ${this.zone}, or the token may not read it`);
    return {
      path: `/zones/${encodeURIComponent(asString(zone["id"]))}/dns_records`,
      nameServers: asArray(zone["name_servers"]).map((one) => parseName(asString(one))),
    };
  }

  #note(record: Record<string, unknown>): void {
    const [name, type] = [parseName(asString(record["name"])), asString(record["type"])];
    const value = this.#valueOf(type, record);
    if (value === undefined) return;
    const key = keyOf({ name, type });
    const { comment } = record;
    const known = {
      id: asString(record["id"]),
      type,
      value,
      ttl: Number(record["ttl"]),
      proxied: record["proxied"] === true,
      comment: typeof comment === "string" ? comment : "",
    };
    this.#records.set(key, [...(this.#records.get(key) ?? []), known]);
  }

  /** Records of unknown types are left alone. */
  #valueOf(type: string, record: Record<string, unknown>): string | undefined {
    try {
      return fromContent(type, record);
    } catch (error) {
      if (error instanceof DnsError) return undefined;
      throw error;
    }
  }

  #toRrSet(key: string, records: readonly CloudflareRecord[]): CloudRrSet {
    return {
      name: key.slice(0, key.lastIndexOf(" ")),
      type: records[0]!.type,
      // Each record has its own TTL; name servers serve the lowest.
      ttl: Math.min(...records.map(secondsOf)),
      values: records.map(({ value }) => value),
      owner: records.map(({ comment }) => parseMarker(comment)).find((one) => one !== undefined),
    };
  }

  #batchesOf(changes: readonly Change[]): Batch[] {
    const batches: Batch[] = [];
    for (const group of groupByName(changes)) {
      const parts = group.map((change) => this.#batchOf(change));
      const last = batches.at(-1);
      const together = merge([...(last === undefined ? [] : [last]), ...parts]);
      if (last !== undefined && sizeOf(together) <= MAX_BATCH) batches[batches.length - 1] = together;
      else batches.push(merge(parts));
    }
    const large = batches.find((batch) => sizeOf(batch) > MAX_BATCH);
    if (large !== undefined) {
      throw new DnsError(`the records of one name do not fit into one batch of ${MAX_BATCH}`);
    }
    return batches.filter((batch) => sizeOf(batch) > 0);
  }

  /** Turns old records into new ones, so that the name always has one. */
  #batchOf(change: Change): Batch {
    const { name, type, after } = change;
    const known = this.#records.get(keyOf(change)) ?? [];
    const values = after.rrset?.values ?? [];
    const noComment = change.before.owner === undefined ? undefined : "";
    const comment = after.owner === undefined ? noComment : formatMarker(after.owner);
    const settings = after.rrset === undefined ? {} : this.#settings(type, after.rrset.ttl, comment);
    const spare = known.filter(({ value }) => !values.includes(value));
    const batch: Batch = { deletes: [], patches: [], posts: [] };
    for (const value of values) {
      const same = known.find((one) => one.value === value);
      const used = same ?? spare.shift();
      const record = { name: withoutDot(name), type, ...toContent(type, value), ...settings };
      if (used === undefined) batch.posts.push(record);
      else if (same === undefined || isOther(same, settings)) batch.patches.push({ id: used.id, ...record });
    }
    batch.deletes.push(...spare.map(({ id }) => ({ id })));
    return batch;
  }

  #settings(type: string, ttl: number, comment: string | undefined) {
    const mayBeProxied = CLOUDFLARE_PROXIED_CAPABILITIES.proxiedTypes!.includes(type);
    const proxied = mayBeProxied && this.#options.proxied;
    return {
      ttl: proxied ? AUTOMATIC_TTL : ttl,
      ...(mayBeProxied ? { proxied } : {}),
      ...(comment === undefined ? {} : { comment }),
    };
  }

  async #send(batch: Batch): Promise<"applied" | "stale"> {
    const { path } = await this.#findZone();
    const answer = await this.api.request("POST", `${path}/batch`, {
      body: batch,
      expect: [200, 400, 404, 409],
    });
    if (answer.status === 200) return "applied";
    const errors = asArray(asObject(answer.body)["errors"]).map(asObject);
    if (errors.some(({ code }) => STALE_CODES.has(Number(code)))) return "stale";
    throw new DnsError(`Cloudflare refused the batch: ${this.api.explain(errors)}`);
  }

  async #pages(path: string): Promise<Record<string, unknown>[]> {
    const items: Record<string, unknown>[] = [];
    for (let page = 1, pages = 1; page <= pages; page++) {
      const body = asObject((await this.api.request("GET", `${path}&page=${page}`)).body);
      items.push(...asArray(body["result"]).map(asObject));
      pages = Number(asObject(body["result_info"] ?? {})["total_pages"] ?? 1);
    }
    return items;
  }
}

/** The TTL of a proxied record is automatic, and tells nothing. */
function secondsOf({ ttl, proxied }: CloudflareRecord): number {
  return ttl === AUTOMATIC_TTL && !proxied ? AUTOMATIC_SECONDS : ttl;
}

function isOther(
  record: CloudflareRecord,
  settings: { ttl?: number; proxied?: boolean; comment?: string },
): boolean {
  const { ttl, proxied = record.proxied, comment = record.comment } = settings;
  return record.ttl !== ttl || record.proxied !== proxied || record.comment !== comment;
}

function merge(batches: readonly Batch[]): Batch {
  return {
    deletes: batches.flatMap(({ deletes }) => deletes),
    patches: batches.flatMap(({ patches }) => patches),
    posts: batches.flatMap(({ posts }) => posts),
  };
}

function sizeOf({ deletes, patches, posts }: Batch): number {
  return deletes.length + patches.length + posts.length;
}
