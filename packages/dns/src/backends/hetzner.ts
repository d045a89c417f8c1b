import { setTimeout as sleep } from "node:timers/promises";
import { DnsError } from "../client/dns-error.ts";
import { type Name, relativeTo } from "../client/name.ts";
import { canonicalValue } from "../client/rr-types.ts";
import { type Change, keyOf, sameValues } from "../rrset.ts";
import type { Lock } from "./backend.ts";
import { HETZNER_CAPABILITIES } from "./capabilities.ts";
import { CloudBackend, type CloudRrSet, withoutDot } from "./cloud.ts";
import type { HttpApi } from "./http.ts";
import { asArray, asObject, asString } from "./json.ts";

const LABEL = "nixops4-owner";
const POLL_MS = 50;
const MAX_POLL_MS = 5_000;
const ACTION_SECONDS = 300;
const PER_PAGE = 50;
/** From this many names on, the whole zone is read. */
const READ_ALL_FROM = 8;
/** Somebody else changed it first: it is gone, exists already, or is locked by another action. */
const STALE = [404, 409, 423];

interface Known {
  labels: Record<string, unknown>;
  /** By value. */
  comments: Map<string, string>;
}

/** Hetzner Cloud DNS. Values and TTL change in two steps, one RRset at a time, and each step is an action to wait for. */
export class HetznerBackend extends CloudBackend {
  readonly capabilities = HETZNER_CAPABILITIES;
  readonly #signal: AbortSignal;
  /** Labels and comments of the last read, which a write must keep. */
  readonly #known = new Map<string, Known>();
  #defaultTtl: number | undefined;

  constructor(api: HttpApi, zone: Name, lock: Lock, signal: AbortSignal) {
    super(api, zone, lock);
    this.#signal = signal;
  }

  protected async list(names: readonly Name[]): Promise<CloudRrSet[]> {
    const queries =
      names.length < READ_ALL_FROM
        ? names.map((name) => `&name=${encodeURIComponent(relativeTo(name, this.zone))}`)
        : [""];
    this.#defaultTtl ??= await this.#readDefaultTtl();
    const rrsets: CloudRrSet[] = [];
    for (const query of queries) {
      for (const rrset of await this.#pages(`${this.#zone}/rrsets`, "rrsets", query))
        rrsets.push(this.#toRrSet(rrset));
    }
    return rrsets;
  }

  protected async write(changes: readonly Change[]): Promise<"applied" | "stale"> {
    const removed = changes.filter(({ after }) => after.rrset === undefined);
    for (const change of removed) if (!(await this.#act("DELETE", this.#path(change)))) return "stale";
    for (const change of changes) {
      if (change.after.rrset !== undefined && !(await this.#put(change))) return "stale";
    }
    return "applied";
  }

  protected async zonesAbove(): Promise<string[]> {
    return (await this.#pages("/zones", "zones")).map((zone) => asString(zone["name"]));
  }

  async #readDefaultTtl(): Promise<number> {
    const { body } = await this.api.request("GET", this.#zone);
    return Number(asObject(asObject(body)["zone"])["ttl"]);
  }

  #toRrSet(rrset: Record<string, unknown>): CloudRrSet {
    const [name, type] = [asString(rrset["name"]), asString(rrset["type"])];
    const records = asArray(rrset["records"]).map(asObject);
    const labels = asObject(rrset["labels"] ?? {});
    const owner = labels[LABEL];
    const fqdn = name === "@" ? this.zone : `${name}.${this.zone}`;
    const comments = records.map(({ value, comment }) => [asString(value), comment] as const);
    this.#known.set(keyOf({ name: fqdn, type }), {
      labels,
      comments: new Map(
        comments.flatMap(([value, text]) => (typeof text === "string" ? [[value, text]] : [])),
      ),
    });
    return {
      name,
      type,
      ttl: Number(rrset["ttl"] ?? this.#defaultTtl),
      values: comments.map(([value]) => value),
      owner: typeof owner === "string" ? owner : undefined,
    };
  }

  /** Whether it was done; `false` when somebody else changed the RRset first. */
  async #put(change: Change): Promise<boolean> {
    const { before, after, type } = change;
    const { ttl } = after.rrset!;
    const records = this.#records(change);
    const labels = this.#labels(change);
    if (before.rrset === undefined) {
      const name = relativeTo(change.name, this.zone);
      return this.#act("POST", `${this.#zone}/rrsets`, { name, type, ttl, records, labels });
    }
    const path = this.#path(change);
    // The owner first: when this run is killed after it, the next run knows that the RRset is its own.
    if (before.owner !== after.owner) {
      const { status } = await this.api.request("PUT", path, { body: { labels }, expect: [200, ...STALE] });
      if (status !== 200) return false;
    }
    // A lower TTL first: caches then keep the old values for the shorter time.
    if (before.rrset.ttl !== ttl && !(await this.#act("POST", `${path}/actions/change_ttl`, { ttl })))
      return false;
    if (sameValues(before.rrset, after.rrset)) return true;
    return this.#act("POST", `${path}/actions/set_records`, { records });
  }

  /** The values, with the comments that others have written. */
  #records(change: Change) {
    const { comments } = this.#known.get(keyOf(change)) ?? { comments: new Map<string, string>() };
    const canonical = new Map(
      [...comments].map(([value, text]) => [canonicalValue(change.type, value, this.zone), text]),
    );
    return change.after.rrset!.values.map((value) => {
      const comment = canonical.get(value);
      return comment === undefined ? { value } : { value, comment };
    });
  }

  /** A write replaces all labels. */
  #labels(change: Change): Record<string, unknown> {
    const { [LABEL]: _own, ...others } = this.#known.get(keyOf(change))?.labels ?? {};
    return change.after.owner === undefined ? others : { ...others, [LABEL]: change.after.owner };
  }

  /** Starts an action and waits for its end; `false` when somebody else changed the RRset first. */
  async #act(method: string, path: string, body?: unknown): Promise<boolean> {
    const answer = await this.api.request(method, path, { body, expect: [200, 201, 202, ...STALE] });
    if (STALE.includes(answer.status)) return false;
    await this.#waitFor(asObject(asObject(answer.body)["action"]));
    return true;
  }

  async #waitFor(started: Record<string, unknown>): Promise<void> {
    const deadline = performance.now() + ACTION_SECONDS * 1000;
    const path = `/actions/${Number(started["id"])}`;
    let action = started;
    for (let pause = POLL_MS; action["status"] === "running"; pause = Math.min(pause * 2, MAX_POLL_MS)) {
      if (performance.now() > deadline) {
        throw new DnsError(
          `the action ${describe(action)} of Hetzner runs for more than ${ACTION_SECONDS} s`,
        );
      }
      await sleep(pause, undefined, { signal: this.#signal });
      action = asObject(asObject((await this.api.request("GET", path)).body)["action"]);
    }
    if (action["status"] === "success") return;
    const { code, message } = asObject(action["error"] ?? {});
    throw new DnsError(
      `the action ${describe(action)} of Hetzner failed: ${JSON.stringify(code)}: ${JSON.stringify(message)}`,
    );
  }

  async #pages(path: string, field: string, query = ""): Promise<Record<string, unknown>[]> {
    const items: Record<string, unknown>[] = [];
    for (let page: unknown = 1; typeof page === "number";) {
      const url = `${path}?per_page=${PER_PAGE}&page=${page}${query}`;
      const body = asObject((await this.api.request("GET", url)).body);
      items.push(...asArray(body[field]).map(asObject));
      page = asObject(asObject(body["meta"] ?? {})["pagination"] ?? {})["next_page"];
    }
    return items;
  }

  get #zone(): string {
    return `/zones/${encodeURIComponent(withoutDot(this.zone))}`;
  }

  #path({ name, type }: Change): string {
    return `${this.#zone}/rrsets/${encodeURIComponent(relativeTo(name, this.zone))}/${type}`;
  }
}

function describe(action: Record<string, unknown>): string {
  return JSON.stringify(action["command"] ?? "of no name");
}
