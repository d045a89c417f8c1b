import { type Name, relativeTo } from "../client/name.ts";
import type { Change } from "../rrset.ts";
import { DESEC_CAPABILITIES } from "./capabilities.ts";
import { CloudBackend, type CloudRrSet, withoutDot } from "./cloud.ts";
import { asArray, asObject, asString } from "./json.ts";

/** deSEC. It allows 300 writes a day: all changes go into one request, which is done as a whole or not at all. */
export class DesecBackend extends CloudBackend {
  readonly capabilities = DESEC_CAPABILITIES;

  /** Reads the whole zone: a page has 500 RRsets, and the number of requests is limited. */
  protected async list(): Promise<CloudRrSet[]> {
    const rrsets = await this.#pages(this.#path);
    return rrsets.map((rrset) => ({
      name: asString(rrset["subname"]),
      type: asString(rrset["type"]),
      ttl: Number(rrset["ttl"]),
      values: asArray(rrset["records"]).map(asString),
    }));
  }

  protected async write(changes: readonly Change[]): Promise<"applied"> {
    const body = changes.map(({ name, type, before, after }) => ({
      subname: name === this.zone ? "" : relativeTo(name, this.zone),
      type,
      ttl: (after.rrset ?? before.rrset)!.ttl,
      records: after.rrset?.values ?? [],
    }));
    await this.api.request("PATCH", this.#path, { body });
    return "applied";
  }

  protected async zonesAbove(name: Name): Promise<string[]> {
    const domains = await this.#pages(`/domains/?owns_qname=${encodeURIComponent(withoutDot(name))}`);
    return domains.map((domain) => asString(domain["name"]));
  }

  get #path(): string {
    return `/domains/${encodeURIComponent(withoutDot(this.zone))}/rrsets/`;
  }

  async #pages(path: string): Promise<Record<string, unknown>[]> {
    const items: Record<string, unknown>[] = [];
    const separator = path.includes("?") ? "&" : "?";
    for (let cursor: string | undefined = ""; cursor !== undefined;) {
      const { body, headers } = await this.api.request("GET", `${path}${separator}cursor=${cursor}`);
      items.push(...asArray(body).map(asObject));
      cursor = /[?&]cursor=([^&>]*)>; *rel="next"/.exec(headers.get("link") ?? "")?.[1];
    }
    return items;
  }
}
