import { isDeepStrictEqual } from "node:util";
import { CLOUDFLARE_CAPABILITIES } from "../../src/backends/capabilities.ts";
import { fromContent, toContent } from "../../src/backends/cloudflare-records.ts";
import { parseName, relativeTo } from "../../src/client/name.ts";
import { canonicalValue } from "../../src/client/rr-types.ts";
import { type Answer, CloudFake, isTaken, type Request, type Stored } from "./cloud-fake.ts";

type Given = Record<string, unknown> & { id?: string; name?: string; type?: string; ttl?: number };

interface Record_ {
  id: string;
  name: string;
  type: string;
  ttl: number;
  value: string;
  proxied: boolean;
  comment: string;
}

const MAX_BATCH = 200;
const STRUCTURED = ["CAA", "SRV", "SSHFP", "TLSA", "DS", "NAPTR", "HTTPS", "SVCB", "LOC"];
const PROXIABLE = ["A", "AAAA", "CNAME"];

/** Cloudflare: "Zones" and "DNS Records" of its API reference. */
export class CloudflareFake extends CloudFake {
  protected readonly scheme = "Bearer";
  #ids = 0;

  protected async answer({ method, path, query, body }: Request): Promise<Answer> {
    const [root, id, kind, action] = path;
    if (root !== "zones") return failure(404, 7003, "no route");
    if (id === undefined) return this.#listZones(query);
    const zone = [...this.zones.keys()].find((one) => idOf(one) === id);
    if (zone === undefined || kind !== "dns_records") return failure(404, 7003, "no route");
    if (method === "GET") return this.#list(zone, query);
    if (method !== "POST" || action !== "batch") return failure(405, 7000, "no such method");
    return this.#batch(zone, body as { deletes?: Given[]; patches?: Given[]; posts?: Given[] });
  }

  #listZones(query: URLSearchParams): Answer {
    const name = query.get("name");
    const zones = [...this.zones].filter(([zone]) => name === null || zone === name);
    const shown = zones.map(([zone, rrsets]) => ({
      id: idOf(zone),
      name: zone,
      name_servers: rrsets.get("@ NS")!.values.map((value) => value.replace(/\.$/, "")),
    }));
    return page(shown, query);
  }

  /** The name servers of the zone are no records. */
  #list(zone: string, query: URLSearchParams): Answer {
    const shown = this.shown(zone).filter(({ name, type }) => name !== "@" || type !== "NS");
    return page(
      shown.flatMap((rrset) => this.#recordsOf(rrset)).map((record) => present(record, zone)),
      query,
    );
  }

  #recordsOf({ name, type, ttl, values, details = {} }: Stored): Record_[] {
    return values.map((value) => {
      const { id = `${name}/${type}/${value}`, comment = "", proxied = false } = details[value] ?? {};
      return { id: String(id), name, type, ttl, value, comment: String(comment), proxied: proxied === true };
    });
  }

  /** Deletions, patches, new records: one transaction. */
  async #batch(
    zone: string,
    { deletes = [], patches = [], posts = [] }: { deletes?: Given[]; patches?: Given[]; posts?: Given[] },
  ): Promise<Answer> {
    if (deletes.length + patches.length + posts.length > MAX_BATCH)
      return failure(400, 9207, "too many records");
    let answer: Answer | undefined;
    const problem = await this.change(zone, (rrsets) => {
      let records = [...rrsets.values()].flatMap((rrset) => this.#recordsOf(rrset));
      const refuse = (code: number, message: string) => {
        answer = failure(400, code, message);
        return message;
      };
      for (const { id } of [...deletes, ...patches])
        if (!records.some((one) => one.id === id)) return refuse(81044, "Record does not exist.");
      records = records.filter(({ id }) => !deletes.some((one) => one.id === id));
      for (const given of patches) {
        const before = records.find(({ id }) => id === given.id)!;
        const after = this.#read(zone, { ...present(before, zone), ...given });
        if (after === undefined) return refuse(9005, "Content is invalid.");
        records = records.map((one) => (one === before ? { ...after, id: before.id } : one));
      }
      for (const given of posts) {
        const record = this.#read(zone, given);
        if (record === undefined) return refuse(9005, "Content is invalid.");
        const same = records.find(
          (one) => one.name === record.name && one.type === record.type && one.value === record.value,
        );
        if (same !== undefined) return refuse(81058, "An identical record already exists.");
        records.push({ ...record, id: `new${this.#ids++}` });
      }
      const before = new Map(rrsets);
      rrsets.clear();
      for (const record of records) add(rrsets, record);
      for (const [key, rrset] of before) if (isSame(rrset, rrsets.get(key))) rrsets.set(key, rrset);
      const cname = records.find(
        ({ type, name }) =>
          type === "CNAME" && records.some((one) => one.name === name && one.type !== "CNAME"),
      );
      return cname === undefined ? undefined : refuse(81054, "A CNAME record with that host already exists.");
    });
    if (problem !== undefined) return answer ?? failure(400, 1004, problem);
    return { status: 200, body: { success: true, errors: [], messages: [], result: {} } };
  }

  #read(zone: string, given: Given): Record_ | undefined {
    const { name = "", type = "", ttl = 1, comment = "", proxied = false } = given;
    if (STRUCTURED.includes(type) && typeof given["data"] !== "object") return undefined;
    if (String(comment).length > 100 || (proxied === true && !PROXIABLE.includes(type))) return undefined;
    if (ttl !== 1 && !isTaken(CLOUDFLARE_CAPABILITIES, { type, ttl })) return undefined;
    if (!CLOUDFLARE_CAPABILITIES.types!.includes(type) || name.endsWith(".")) return undefined;
    const fqdn = parseName(name);
    if (fqdn !== parseName(zone) && !fqdn.endsWith(`.${zone}.`)) return undefined;
    try {
      const value = fromContent(type, given);
      const relative = relativeTo(fqdn, parseName(zone));
      return {
        id: "",
        name: relative,
        type,
        ttl: proxied === true ? 1 : ttl,
        value,
        proxied: proxied === true,
        comment: String(comment),
      };
    } catch {
      return undefined;
    }
  }
}

function add(rrsets: Map<string, Stored>, { id, name, type, ttl, value, proxied, comment }: Record_): void {
  const key = `${name} ${type}`;
  const seen = rrsets.get(key);
  rrsets.set(key, {
    name,
    type,
    ttl,
    values: [...(seen?.values ?? []), canonicalValue(type, value)],
    details: { ...seen?.details, [value]: { id, comment, proxied } },
  });
}

/** What is not changed must not be published again. */
function isSame({ ttl, values, details }: Stored, other: Stored | undefined): boolean {
  const isPlain =
    details === undefined && Object.values(other?.details ?? {}).every(({ comment }) => comment === "");
  return (
    ttl === other?.ttl &&
    isDeepStrictEqual(values, other.values) &&
    (isPlain || isDeepStrictEqual(details, other.details))
  );
}

function idOf(zone: string): string {
  return Buffer.from(zone).toString("hex").slice(0, 32);
}

function present({ id, name, type, ttl, value, proxied, comment }: Record_, zone: string): Given {
  const fqdn = name === "@" ? zone : `${name}.${zone}`;
  const proxy = PROXIABLE.includes(type) ? { proxied } : {};
  return {
    id,
    name: fqdn,
    type,
    ttl,
    comment: comment === "" ? null : comment,
    ...proxy,
    ...toContent(type, value),
  };
}

function failure(status: number, code: number, message: string): Answer {
  return { status, body: { success: false, errors: [{ code, message }], messages: [], result: null } };
}

function page(items: readonly unknown[], query: URLSearchParams): Answer {
  const per = Number(query.get("per_page") ?? 100);
  const number = Number(query.get("page") ?? 1);
  const result = items.slice((number - 1) * per, number * per);
  const info = {
    page: number,
    per_page: per,
    count: result.length,
    total_pages: Math.max(1, Math.ceil(items.length / per)),
  };
  return { status: 200, body: { success: true, errors: [], messages: [], result, result_info: info } };
}
