import { DESEC_CAPABILITIES } from "../../src/backends/capabilities.ts";
import { type Answer, CloudFake, isTaken, isValue, type Request, type Stored } from "./cloud-fake.ts";

/** deSEC: "Retrieving and Manipulating DNS Information" of its documentation. */
export class DesecFake extends CloudFake {
  protected readonly scheme = "Token";
  readonly minimumTtl = 60;

  protected async answer({ method, path, query, body }: Request): Promise<Answer> {
    const [root, zone, kind, ...more] = path;
    if (root !== "domains") return notFound;
    if (zone === undefined) return this.#domains(query.get("owns_qname"));
    if (!this.zones.has(zone) || kind !== "rrsets" || more.length > 0) return notFound;
    if (method === "GET") return page(this.shown(zone), query);
    if (method !== "PATCH" || !Array.isArray(body)) return { status: 405 };
    return this.#patch(zone, body);
  }

  #domains(name: string | null): Answer {
    const owning = [...this.zones.keys()]
      .filter((zone) => name === zone || name?.endsWith(`.${zone}`) === true)
      .toSorted((a, b) => b.length - a.length);
    const names = name === null ? [...this.zones.keys()] : owning.slice(0, 1);
    return { status: 200, body: names.map((one) => ({ name: one, minimum_ttl: this.minimumTtl })) };
  }

  /** All of it or nothing. */
  async #patch(zone: string, items: Record<string, unknown>[]): Promise<Answer> {
    const keys = items.map(({ subname, type }) => `${String(subname)} ${String(type)}`);
    const errors = items.map((item, index) => this.#refuse(item, keys.indexOf(keys[index]!) !== index));
    if (errors.some((error) => Object.keys(error).length > 0)) return { status: 400, body: errors };
    const problem = await this.change(zone, (rrsets) => {
      for (const { subname, type, ttl, records } of items) {
        const name = subname === "" ? "@" : (subname as string);
        const rrset = { name, type, ttl, values: records } as Stored;
        if (rrset.values.length === 0) rrsets.delete(`${name} ${rrset.type}`);
        else rrsets.set(`${name} ${rrset.type}`, rrset);
      }
    });
    return problem === undefined
      ? { status: 200, body: items }
      : { status: 400, body: { non_field_errors: [problem] } };
  }

  #refuse({ subname, type, ttl, records }: Record<string, unknown>, isTwice: boolean): object {
    if (isTwice) return { non_field_errors: ["Same subname and type as in position(s) …"] };
    if (typeof subname !== "string" || subname === "@" || subname.endsWith("."))
      return { subname: ["Subname can only use (lowercase) a-z, 0-9, ., -, and _."] };
    if (!isTaken(DESEC_CAPABILITIES, { type: String(type), ttl: Number(ttl) }))
      return { type: ["Unsupported type, or a TTL out of range."] };
    if (Number(ttl) < this.minimumTtl)
      return { ttl: [`Ensure this value is greater than or equal to ${this.minimumTtl}.`] };
    if (!Array.isArray(records) || !records.every((value) => isValue(String(type), value)))
      return { records: ["Record content malformed."] };
    return {};
  }
}

const PAGE = 100;
const notFound: Answer = { status: 404, body: { detail: "Not found." } };

/** Pages of few, so that there are some; without a cursor only what fits into one. */
function page(rrsets: readonly Stored[], query: URLSearchParams): Answer {
  if (!query.has("cursor") && rrsets.length > PAGE)
    return { status: 400, body: { detail: "Pagination required." } };
  const start = Number(query.get("cursor"));
  const body = rrsets.slice(start, start + PAGE).map(({ name, type, ttl, values }) => ({
    subname: name === "@" ? "" : name,
    type,
    ttl,
    records: values,
  }));
  const link = `<https://desec.io/api/v1/domains/x/rrsets/?cursor=${start + PAGE}>; rel="next"`;
  return { status: 200, body, headers: start + PAGE < rrsets.length ? { link } : {} };
}
