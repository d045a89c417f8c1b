import { GANDI_CAPABILITIES } from "../../src/backends/capabilities.ts";
import { type Answer, CloudFake, isTaken, isValue, type Request, type Stored } from "./cloud-fake.ts";

interface Given {
  rrset_name?: string;
  rrset_type?: string;
  rrset_ttl?: number;
  rrset_values?: string[];
  items?: Given[];
}

/** Gandi LiveDNS: "Domains" and "Records" of its API reference. */
export class GandiFake extends CloudFake {
  protected readonly scheme = "Bearer";

  protected async answer({ method, path, query, body }: Request): Promise<Answer> {
    const [api, root, zone, kind, name, type] = path;
    if (api !== "livedns" || root !== "domains") return notFound;
    if (zone === undefined)
      return page(
        [...this.zones.keys()].map((fqdn) => ({ fqdn })),
        query,
      );
    if (!this.zones.has(zone) || kind !== "records") return notFound;
    const given = (body ?? {}) as Given;
    if (name === undefined)
      return method === "GET" ? page(this.shown(zone).map(present), query) : { status: 405 };
    if (method === "DELETE") return this.#write(zone, name, type, []);
    const rrsets = (type === undefined ? given.items! : [{ ...given, rrset_type: type }]).map((one) =>
      toStored(name, one),
    );
    if (!rrsets.every(isWhole)) return { status: 400, body: { message: "rrset is not valid", code: 400 } };
    if (method === "POST" && rrsets.some((rrset) => this.zones.get(zone)!.has(`${name} ${rrset.type}`)))
      return { status: 409, body: { message: "A DNS Record already exists with same value", code: 409 } };
    if (method !== "PUT" && method !== "POST") return { status: 405 };
    return this.#write(zone, name, type, rrsets);
  }

  /** Replaces all of the name, or all of one type. */
  async #write(zone: string, name: string, type: string | undefined, rrsets: Stored[]): Promise<Answer> {
    const problem = await this.change(zone, (all) => {
      for (const [key, one] of all)
        if (one.name === name && (type === undefined || one.type === type)) all.delete(key);
      for (const rrset of rrsets) all.set(`${name} ${rrset.type}`, rrset);
    });
    if (problem !== undefined) return { status: 400, body: { message: problem, code: 400 } };
    return rrsets.length === 0 ? { status: 204 } : { status: 201, body: { message: "DNS Record Created" } };
  }
}

const notFound: Answer = { status: 404, body: { message: "The resource could not be found.", code: 404 } };

function toStored(name: string, { rrset_type = "", rrset_ttl = 10_800, rrset_values = [] }: Given): Stored {
  return { name, type: rrset_type, ttl: rrset_ttl, values: rrset_values };
}

function isWhole(rrset: Stored): boolean {
  const { type, values } = rrset;
  return (
    values.length > 0 && isTaken(GANDI_CAPABILITIES, rrset) && values.every((value) => isValue(type, value))
  );
}

function present({ name, type, ttl, values }: Stored) {
  return { rrset_name: name, rrset_type: type, rrset_ttl: ttl, rrset_values: values };
}

function page(items: readonly unknown[], query: URLSearchParams): Answer {
  const per = Number(query.get("per_page") ?? 100);
  const start = (Number(query.get("page") ?? 1) - 1) * per;
  return {
    status: 200,
    body: items.slice(start, start + per),
    headers: { "total-count": String(items.length) },
  };
}
