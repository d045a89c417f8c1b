import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Capabilities } from "../../src/backends/backend.ts";
import { CLASS, type ResourceRecord } from "../../src/client/message.ts";
import { parseName, relativeTo } from "../../src/client/name.ts";
import { canonicalValue } from "../../src/client/rr-types.ts";
import { client, type Target } from "../servers.ts";

export interface Answer {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface Request {
  method: string;
  /** Below the base of the API. */
  path: string[];
  query: URLSearchParams;
  body: unknown;
}

/** Stands between a client and an API; without an answer the connection breaks. */
export type Fault = (
  request: Request,
  next: (request: Request) => Promise<Answer | undefined>,
  fake: CloudFake,
) => Promise<Answer | undefined>;

/** An RRset as the service keeps it. */
export interface Stored {
  /** Relative to the zone; `@`: the zone itself. */
  name: string;
  type: string;
  ttl: number;
  values: readonly string[];
  labels?: Record<string, string>;
  /** What else is known of each value. */
  details?: Record<string, Record<string, unknown>>;
}

export type Zone = ReadonlyMap<string, Stored>;

export const TOKEN = "test-token";
/** What a proxied name answers. */
const PROXY = "198.51.100.1";

/**
 * The API of a DNS service by its documentation, in front of a real name server that serves the zones: it takes what
 * the service takes, and refuses what it refuses.
 */
export abstract class CloudFake {
  /** What goes wrong between a client and the API; the first is the outermost. */
  faults: Fault[] = [];
  readonly requests: Request[] = [];
  /** Reads show the zones as they were, until this time. */
  lag: { zones: Map<string, Zone>; until: number } | undefined;
  zones = new Map<string, Zone>();
  readonly #server: Server;
  readonly #target: Target;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(target: Target) {
    this.#target = target;
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  protected abstract readonly scheme: string;
  /** Whether the zone's SOA record is one of its record sets. */
  protected readonly showsSoa: boolean = false;
  protected abstract answer(request: Request): Promise<Answer>;

  /** Takes the zones over from the name server; the URL of the API. */
  async start(zones: readonly string[]): Promise<string> {
    for (const zone of zones) this.zones.set(zone, await this.#transfer(zone));
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** What another user of the service does, in the language of nsupdate. */
  async foreign(commands: readonly string[]): Promise<void> {
    for (const command of commands) {
      const [, verb, name, ...rest] = command.split(" ");
      const owner = parseName(name!);
      const zone = [...this.zones.keys()].find((one) => owner.endsWith(`${one}.`))!;
      const relative = relativeTo(owner, parseName(zone));
      const problem = await this.change(zone, (rrsets) => {
        if (verb === "delete") return removeAll(rrsets, relative, rest[0]);
        const [ttl, type, ...value] = rest;
        const seen = rrsets.get(`${relative} ${type}`);
        const values = [...(seen?.values ?? []), canonicalValue(type!, value.join(" "))];
        rrsets.set(`${relative} ${type}`, { ...seen, name: relative, type: type!, ttl: Number(ttl), values });
      });
      if (problem !== undefined) throw new Error(`${command}: ${problem}`);
    }
  }

  /** The record sets that a client may see now. */
  protected shown(zone: string): Stored[] {
    const isLate = this.lag !== undefined && performance.now() < this.lag.until;
    const rrsets = (isLate ? this.lag!.zones : this.zones).get(zone)!;
    return [...rrsets.values()].filter(({ type }) => this.showsSoa || type !== "SOA");
  }

  /** Changes a zone in one step; what is wrong with it, and then nothing is changed. */
  async change(
    zone: string,
    edit: (rrsets: Map<string, Stored>) => string | void,
  ): Promise<string | undefined> {
    const turn = this.#turn.then(async () => {
      const before = this.zones.get(zone)!;
      const after = new Map(before);
      const problem = edit(after) ?? problemOf(after);
      if (problem !== undefined) return problem;
      const refused = await this.#publish(zone, before, after);
      if (refused === undefined) this.zones.set(zone, after);
      return refused;
    });
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #transfer(zone: string): Promise<Zone> {
    const dns = client(this.#target);
    const records = await dns.transfer(parseName(zone));
    await dns.close();
    const rrsets = new Map<string, Stored>();
    for (const { name, type, ttl, value } of records) {
      const relative = relativeTo(name, parseName(zone));
      const values = [...(rrsets.get(`${relative} ${type}`)?.values ?? []), value!];
      rrsets.set(`${relative} ${type}`, { name: relative, type, ttl, values });
    }
    return rrsets;
  }

  async #publish(zone: string, before: Zone, after: Zone): Promise<string | undefined> {
    const apex = parseName(zone);
    const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
      (key) => before.get(key) !== after.get(key) && key !== "@ SOA",
    );
    const record = (rrset: Stored, value: string, gone: boolean): ResourceRecord => ({
      name: parseName(rrset.name, apex),
      type: rrset.type,
      class: gone ? CLASS.NONE : CLASS.IN,
      ttl: gone ? 0 : served(rrset, value).ttl,
      value: served(rrset, value).value,
    });
    const of = (rrset: Stored | undefined, gone: boolean) =>
      (rrset?.values ?? []).map((value) => record(rrset!, value, gone));
    const isNs = (key: string) => key === "@ NS";
    const updates = [
      ...changed.filter((key) => !isNs(key)).flatMap((key) => of(before.get(key), true)),
      ...changed.flatMap((key) => of(after.get(key), false)),
      // The name servers of a zone cannot all go: the new ones come first.
      ...changed
        .filter(isNs)
        .flatMap((key) => of(before.get(key), true))
        .filter(({ value }) => after.get("@ NS")?.values.includes(value!) !== true),
    ];
    const dns = client(this.#target);
    for (let start = 0; start < updates.length; start += 500) {
      const part = updates.slice(start, start + 500);
      const { rcode } = await dns.update(apex, { prerequisites: [], updates: part });
      if (rcode !== "NOERROR") return `the name server answers ${rcode}`;
    }
    await dns.close();
    return undefined;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? "/", "http://fake");
    const text = Buffer.concat(chunks).toString("utf8");
    const given: Request = {
      method: request.method ?? "GET",
      path: url.pathname
        .split("/")
        .filter((part) => part !== "")
        .map(decodeURIComponent),
      query: url.searchParams,
      body: text === "" ? undefined : JSON.parse(text),
    };
    this.requests.push(given);
    const authorize = (next: Request) =>
      request.headers.authorization === `${this.scheme} ${TOKEN}`
        ? this.answer(next)
        : Promise.resolve({ status: 401, body: { message: "the token is not valid" } });
    const chain = this.faults.reduceRight<(next: Request) => Promise<Answer | undefined>>(
      (next, fault) => (one) => fault(one, next, this),
      authorize,
    );
    const answer = await chain(given).catch((error: unknown) => ({
      status: 500,
      body: { error: String(error) },
    }));
    if (answer === undefined) return void response.destroy();
    response.writeHead(answer.status, {
      "content-type": "application/json",
      ...("headers" in answer ? answer.headers : {}),
    });
    response.end(answer.body === undefined ? "" : JSON.stringify(answer.body));
  }
}

/** Names a proxied record set answers otherwise. */
function served({ ttl, details, type }: Stored, value: string) {
  const isProxied = details?.[value]?.["proxied"] === true;
  return isProxied && type === "A" ? { ttl: 300, value: PROXY } : { ttl, value };
}

function removeAll(rrsets: Map<string, Stored>, name: string, type: string | undefined): void {
  for (const [key, rrset] of rrsets)
    if (rrset.name === name && (type === undefined || rrset.type === type)) rrsets.delete(key);
}

/** What no name server serves. */
function problemOf(rrsets: Zone): string | undefined {
  const cnames = new Set([...rrsets.values()].filter(({ type }) => type === "CNAME").map(({ name }) => name));
  const clash = [...rrsets.values()].find(({ name, type }) => type !== "CNAME" && cnames.has(name));
  if (clash !== undefined) return `CNAME and ${clash.type} at ${clash.name}`;
  const large = [...rrsets.values()].find(({ type, values }) => type === "CNAME" && values.length > 1);
  return large === undefined ? undefined : `two CNAME records at ${large.name}`;
}

/** Whether a value is one, of its type and in full: TXT in quotes, names with their final dot. */
export function isValue(type: string, value: unknown): boolean {
  if (typeof value !== "string" || (type === "TXT" && !/^".*"$/s.test(value))) return false;
  try {
    return canonicalValue(type, value, "relative.") === canonicalValue(type, value, "other.");
  } catch {
    return false;
  }
}

/** Whether the service takes such a record set at all. */
export function isTaken(
  { types, ttl: { min, max } }: Capabilities,
  { type, ttl }: { type: string; ttl: number },
): boolean {
  return types!.includes(type) && Number.isInteger(ttl) && ttl >= min && ttl <= max;
}
