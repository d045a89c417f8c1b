import { setTimeout as sleep } from "node:timers/promises";
import { HETZNER_CAPABILITIES } from "../../src/backends/capabilities.ts";
import { type Answer, CloudFake, isTaken, isValue, type Request, type Stored } from "./cloud-fake.ts";

interface Given {
  name?: string;
  type?: string;
  ttl?: number;
  labels?: Record<string, string>;
  records?: { value: string; comment?: string }[];
}

interface Action {
  id: number;
  command: string;
  status: "running" | "success" | "error";
  error: { code: string; message: string } | null;
}

const DEFAULT_TTL = 3600;

/** Hetzner Cloud DNS: "Zones" and "Zone RRSets" of its API reference. */
export class HetznerFake extends CloudFake {
  protected readonly scheme = "Bearer";
  protected override readonly showsSoa = true;
  /** How long an action takes: what it does is seen at its end. */
  actionMs = 20;
  /** How many actions end with an error, from the next on. */
  failingActions = 0;
  readonly #actions: Action[] = [];
  readonly #locked = new Set<string>();

  protected async answer({ method, path, query, body }: Request): Promise<Answer> {
    const [root, zone, kind, name, type, , command] = path;
    if (root === "actions") return this.#showAction(Number(zone));
    if (root !== "zones") return notFound;
    if (zone === undefined) return page("zones", [...this.zones.keys()].map(presentZone), query);
    if (!this.zones.has(zone)) return notFound;
    if (kind === undefined) return { status: 200, body: { zone: presentZone(zone) } };
    const given = (body ?? {}) as Given;
    if (name === undefined) return method === "GET" ? this.#list(zone, query) : this.#create(zone, given);
    const key = `${name} ${type}`;
    const rrset = this.zones.get(zone)!.get(key);
    if (rrset === undefined) return notFound;
    if (this.#locked.has(`${zone} ${key}`)) return failure(423, "locked");
    if (method === "PUT") return this.#setLabels(zone, rrset, given);
    if (method === "DELETE") return this.#act("delete_rrset", zone, key, undefined);
    if (command === "change_ttl")
      return this.#act(command, zone, key, { ...rrset, ttl: given.ttl ?? DEFAULT_TTL });
    return command === "set_records"
      ? this.#act(command, zone, key, { ...rrset, ...toStored(given) })
      : notFound;
  }

  #list(zone: string, query: URLSearchParams): Answer {
    const name = query.get("name");
    const shown = this.shown(zone).filter((rrset) => name === null || rrset.name === name);
    return page("rrsets", shown.map(present), query);
  }

  async #create(zone: string, given: Given): Promise<Answer> {
    const { name = "", type = "", ttl = DEFAULT_TTL, labels = {} } = given;
    const isName = name !== "" && name === name.toLowerCase() && !name.endsWith(".");
    if (!isName || !areLabels(labels)) return failure(422, "invalid_input");
    const key = `${name} ${type}`;
    if (this.zones.get(zone)!.has(key)) return failure(409, "uniqueness_error");
    return this.#act("create_rrset", zone, key, { name, type, ttl, labels, ...toStored(given) }, 201);
  }

  async #setLabels(zone: string, rrset: Stored, { labels = {} }: Given): Promise<Answer> {
    if (!areLabels(labels)) return failure(422, "invalid_input");
    const after = { ...rrset, labels };
    await this.change(zone, (rrsets) => void rrsets.set(`${rrset.name} ${rrset.type}`, after));
    return { status: 200, body: { rrset: present(after) } };
  }

  async #act(
    command: string,
    zone: string,
    key: string,
    after: Stored | undefined,
    status = 201,
  ): Promise<Answer> {
    if (key.endsWith(" SOA")) return failure(422, "invalid_input");
    if (after !== undefined && !isWhole(after)) return failure(422, "invalid_input");
    const action: Action = { id: this.#actions.length + 1, command, status: "running", error: null };
    this.#actions.push(action);
    const lock = `${zone} ${key}`;
    this.#locked.add(lock);
    const work = this.#run(action, zone, key, after).finally(() => this.#locked.delete(lock));
    if (this.actionMs === 0) await work;
    return { status, body: { action: { ...action } } };
  }

  async #run(action: Action, zone: string, key: string, after: Stored | undefined): Promise<void> {
    await sleep(this.actionMs);
    const isFailing = this.failingActions > 0;
    if (isFailing) this.failingActions -= 1;
    const problem = isFailing
      ? "made to fail"
      : await this.change(zone, (rrsets) => {
          if (after === undefined) rrsets.delete(key);
          else rrsets.set(key, after);
        });
    action.status = problem === undefined ? "success" : "error";
    action.error = problem === undefined ? null : { code: "action_failed", message: problem };
  }

  #showAction(id: number): Answer {
    const action = this.#actions[id - 1];
    return action === undefined ? notFound : { status: 200, body: { action: { ...action } } };
  }
}

const notFound = failure(404, "not_found");

function failure(status: number, code: string): Answer {
  return { status, body: { error: { code, message: code } } };
}

function toStored({ records = [] }: Given): Pick<Stored, "values" | "details"> {
  return {
    values: records.map(({ value }) => value),
    details: Object.fromEntries(records.map(({ value, comment }) => [value, { comment }])),
  };
}

function isWhole(rrset: Stored): boolean {
  const { values, type } = rrset;
  return (
    values.length > 0 && isTaken(HETZNER_CAPABILITIES, rrset) && values.every((value) => isValue(type, value))
  );
}

function areLabels(labels: Record<string, string>): boolean {
  return Object.values(labels).every(
    (value) => value === "" || HETZNER_CAPABILITIES.owner!.pattern.test(value),
  );
}

function presentZone(name: string) {
  return { id: 1, name, ttl: DEFAULT_TTL, mode: "primary" };
}

/** A TTL that is the zone's is shown as none. */
function present({ name, type, ttl, labels = {}, values, details }: Stored) {
  const records = values.map((value) => ({ value, comment: details?.[value]?.["comment"] ?? "" }));
  const shown = ttl === DEFAULT_TTL ? null : ttl;
  return { id: `${name}/${type}`, name, type, ttl: shown, labels, protection: { change: false }, records };
}

function page(field: string, items: readonly unknown[], query: URLSearchParams): Answer {
  const per = Number(query.get("per_page") ?? 25);
  const number = Number(query.get("page") ?? 1);
  if (per > 50) return failure(400, "invalid_input");
  const next = number * per < items.length ? number + 1 : null;
  const shown = items.slice((number - 1) * per, number * per);
  return { status: 200, body: { [field]: shown, meta: { pagination: { page: number, next_page: next } } } };
}
