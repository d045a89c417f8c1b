import { type Name, parseName } from "../client/name.ts";
import { canonicalValue, typeNumber } from "../client/rr-types.ts";
import { formatMarker, parseMarker } from "./markers.ts";
import { type Change, keyOf, type Observed, type RrSetId, sortValues } from "../rrset.ts";
import { type Backend, isAsSeen, type Lock, longestZone, nameServersIn } from "./backend.ts";
import { POWERDNS_CAPABILITIES } from "./capabilities.ts";
import type { HttpApi } from "./http.ts";
import { asArray, asObject, asString } from "./json.ts";

/** From this many names on, the whole zone is read. */
const READ_ALL_FROM = 8;
const ACCOUNT = "nixops4";

interface Comment {
  content: string;
  account: string;
  modified_at?: number;
}

/** PowerDNS's HTTP API. One PATCH changes all of its RRsets or none. */
export class PowerDnsBackend implements Backend {
  readonly zone: Name;
  readonly capabilities = POWERDNS_CAPABILITIES;
  readonly #api: HttpApi;
  readonly #lock: Lock;
  readonly #comments = new Map<string, Comment[]>();
  /** The contents of disabled records, which a write must keep. */
  readonly #disabled = new Map<string, string[]>();

  constructor(api: HttpApi, zone: Name, lock: Lock) {
    this.#api = api;
    this.zone = zone;
    this.#lock = lock;
  }

  read(ids: readonly RrSetId[]): Promise<Map<string, Observed>> {
    const names = [...new Set(ids.map(({ name }) => name))];
    return this.#read(
      names.length < READ_ALL_FROM ? names.map((name) => `?rrset_name=${encodeURIComponent(name)}`) : [""],
    );
  }

  async #read(queries: readonly string[]): Promise<Map<string, Observed>> {
    const found = new Map<string, Observed>();
    for (const query of queries) {
      const { body } = await this.#api.request("GET", `${zonePath(this.zone)}${query}`);
      for (const rrset of asArray(asObject(body)["rrsets"])) this.#note(asObject(rrset), found);
    }
    return found;
  }

  /** The API has no preconditions: the records are compared again while no other process of this user writes. */
  async apply(changes: readonly Change[]): Promise<"applied" | "stale"> {
    return this.#lock(this.zone, async () => {
      // The whole zone: some versions show disabled records in no other answer.
      const now = await this.#read([""]);
      if (changes.some((change) => !isAsSeen(now.get(keyOf(change)), change.before))) return "stale";
      // Deletions first: a CNAME may come in place of what they remove.
      const ordered = changes.toSorted(
        (a, b) => Number(a.after.rrset !== undefined) - Number(b.after.rrset !== undefined),
      );
      const rrsets = ordered.map((change) => this.#toRrSet(change));
      await this.#api.request("PATCH", zonePath(this.zone), { body: { rrsets }, expect: [204] });
      return "applied";
    });
  }

  async findZone(name: Name): Promise<Name | undefined> {
    const { body } = await this.#api.request("GET", "/zones");
    return longestZone(
      name,
      asArray(body).map((zone) => asString(asObject(zone)["name"])),
    );
  }

  nameServers(): Promise<readonly Name[]> {
    return nameServersIn(this);
  }

  async close(): Promise<void> {
    this.#api.close();
  }

  #note(rrset: Record<string, unknown>, found: Map<string, Observed>): void {
    const name = parseName(asString(rrset["name"]));
    const type = asString(rrset["type"]);
    const all = asArray(rrset["records"]).map(asObject);
    const records = all.filter((record) => record["disabled"] !== true);
    const comments = asArray(rrset["comments"] ?? []).map(
      (comment) => asObject(comment) as unknown as Comment,
    );
    const key = keyOf({ name, type });
    this.#comments.set(key, comments);
    const disabled = all.filter((record) => record["disabled"] === true);
    this.#disabled.set(
      key,
      disabled.map((record) => asString(record["content"])),
    );
    if (records.length === 0 || typeNumber(type) === undefined) return;
    const values = sortValues(records.map((record) => canonicalValue(type, asString(record["content"]))));
    const owner = comments.map(({ content }) => parseMarker(content)).find((one) => one !== undefined);
    found.set(key, { rrset: { name, type, ttl: Number(rrset["ttl"]), values }, owner });
  }

  #toRrSet({ name, type, before, after }: Change) {
    const values = after.rrset?.values ?? [];
    const disabled = (this.#disabled.get(keyOf({ name, type })) ?? []).filter((one) => !values.includes(one));
    const { ttl } = after.rrset ?? before.rrset ?? {};
    if (values.length + disabled.length === 0 || ttl === undefined)
      return { name, type, changetype: "DELETE" };
    const others = (this.#comments.get(keyOf({ name, type })) ?? []).filter(
      ({ content }) => parseMarker(content) === undefined,
    );
    const own = after.owner === undefined ? [] : [{ content: formatMarker(after.owner), account: ACCOUNT }];
    return {
      name,
      type,
      changetype: "REPLACE",
      ttl,
      records: [
        ...values.map((content) => ({ content, disabled: false })),
        ...disabled.map((content) => ({ content, disabled: true })),
      ],
      comments: [...others, ...own],
    };
  }
}

export function zonePath(zone: Name): string {
  return `/zones/${encodeURIComponent(zone)}`;
}
