import { relativeTo } from "../client/name.ts";
import type { Change } from "../rrset.ts";
import { GANDI_CAPABILITIES } from "./capabilities.ts";
import { CloudBackend, type CloudRrSet, withoutDot } from "./cloud.ts";
import { asArray, asObject, asString } from "./json.ts";

const PER_PAGE = 100;

/** Gandi LiveDNS. TTL and values of one RRset change in one step, and so do all RRsets of one name. */
export class GandiBackend extends CloudBackend {
  readonly capabilities = GANDI_CAPABILITIES;
  /** All RRsets of the last read, by name. */
  readonly #names = new Map<string, CloudRrSet[]>();

  /** Reads the whole zone: for one name, 404 may mean that it has no records, or that the zone does not exist. */
  protected async list(): Promise<CloudRrSet[]> {
    const rrsets = (await this.#pages(this.#path)).map(toRrSet);
    this.#names.clear();
    for (const rrset of rrsets) this.#names.set(rrset.name, [...this.#at(rrset.name), rrset]);
    return rrsets;
  }

  protected async write(changes: readonly Change[]): Promise<"applied" | "stale"> {
    // A marker is written before its RRset, and removed after it.
    const groups = [...new Set(changes.map(({ name }) => name))].map((name) =>
      changes.filter((change) => change.name === name),
    );
    for (const group of groups) if (!(await this.#writeName(group))) return "stale";
    return "applied";
  }

  protected async zonesAbove(): Promise<string[]> {
    return (await this.#pages("/livedns/domains")).map((domain) => asString(domain["fqdn"]));
  }

  /** Several RRsets of a name, such as A in place of CNAME, need a write of the whole name. */
  async #writeName(changes: readonly Change[]): Promise<boolean> {
    const [{ name, type, before, after }, ...more] = changes as [Change, ...Change[]];
    const relative = relativeTo(name, this.zone);
    const path = `${this.#path}/${encodeURIComponent(relative)}`;
    if (more.length > 0) return this.#writeWhole(path, relative, changes);
    if (after.rrset === undefined) {
      await this.api.request("DELETE", `${path}/${type}`, { expect: [204, 404] });
      return true;
    }
    const body = { rrset_ttl: after.rrset.ttl, rrset_values: after.rrset.values };
    const isNew = before.rrset === undefined;
    // POST refuses an RRset that exists.
    const { status } = await this.api.request(isNew ? "POST" : "PUT", `${path}/${type}`, {
      body,
      expect: isNew ? [200, 201, 409] : [200, 201],
    });
    return status !== 409;
  }

  async #writeWhole(path: string, name: string, changes: readonly Change[]): Promise<boolean> {
    const changed = new Set(changes.map(({ type }) => type));
    const kept = this.#at(name).filter(({ type }) => !changed.has(type));
    const wanted = changes.flatMap(({ after }) => (after.rrset === undefined ? [] : [after.rrset]));
    const items = [...kept, ...wanted].map(({ type, ttl, values }) => ({
      rrset_type: type,
      rrset_ttl: ttl,
      rrset_values: values,
    }));
    if (items.length === 0) await this.api.request("DELETE", path, { expect: [204, 404] });
    else await this.api.request("PUT", path, { body: { items }, expect: [200, 201] });
    return true;
  }

  #at(name: string): CloudRrSet[] {
    return this.#names.get(name) ?? [];
  }

  get #path(): string {
    return `/livedns/domains/${encodeURIComponent(withoutDot(this.zone))}/records`;
  }

  async #pages(path: string): Promise<Record<string, unknown>[]> {
    const items: Record<string, unknown>[] = [];
    for (let page = 1; ; page++) {
      const { body, headers } = await this.api.request("GET", `${path}?per_page=${PER_PAGE}&page=${page}`);
      const found = asArray(body).map(asObject);
      items.push(...found);
      if (found.length === 0 || items.length >= Number(headers.get("total-count") ?? 0)) return items;
    }
  }
}

function toRrSet(rrset: Record<string, unknown>): CloudRrSet {
  return {
    name: asString(rrset["rrset_name"]),
    type: asString(rrset["rrset_type"]),
    ttl: Number(rrset["rrset_ttl"]),
    values: asArray(rrset["rrset_values"]).map(asString),
  };
}
