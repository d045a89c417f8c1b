import { DnsError } from "../client/dns-error.ts";
import { type Name, parseName } from "../client/name.ts";
import { canonicalValue, typeNumber } from "../client/rr-types.ts";
import { type Change, keyOf, type Observed, type RrSetId, sortValues } from "../rrset.ts";
import {
  type Backend,
  type Capabilities,
  isAsSeen,
  type Lock,
  longestZone,
  nameServersIn,
} from "./backend.ts";
import type { HttpApi } from "./http.ts";

/** One RRset of an API. */
export interface CloudRrSet {
  /** Relative to the zone; empty or `@`: the zone itself. */
  name: string;
  type: string;
  ttl: number;
  values: readonly string[];
  owner?: string | undefined;
}

/**
 * An API without preconditions. `apply` reads, compares while no other process of this user writes, and writes. The
 * caller reads back.
 */
export abstract class CloudBackend implements Backend {
  abstract readonly capabilities: Capabilities;
  readonly zone: Name;
  protected readonly api: HttpApi;
  readonly #lock: Lock;

  constructor(api: HttpApi, zone: Name, lock: Lock) {
    this.api = api;
    this.zone = zone;
    this.#lock = lock;
  }

  /** The RRsets at these names, or more of the zone. */
  protected abstract list(names: readonly Name[]): Promise<CloudRrSet[]>;
  /** Writes all or nothing where the API can; `stale` when the API refuses because the records have changed. */
  protected abstract write(changes: readonly Change[]): Promise<"applied" | "stale">;
  /** The zones of the account, at least all that the name is in. */
  protected abstract zonesAbove(name: Name): Promise<string[]>;

  async read(ids: readonly RrSetId[]): Promise<Map<string, Observed>> {
    const found = new Map<string, Observed>();
    for (const rrset of await this.list([...new Set(ids.map(({ name }) => name))])) {
      if (typeNumber(rrset.type) !== undefined && rrset.values.length > 0) this.#note(rrset, found);
    }
    return found;
  }

  async apply(changes: readonly Change[]): Promise<"applied" | "stale"> {
    return this.#lock(this.zone, async () => {
      const now = await this.read(changes);
      if (changes.some((change) => !isAsSeen(now.get(keyOf(change)), change.before))) return "stale";
      return this.write(changes);
    });
  }

  nameServers(): Promise<readonly Name[]> {
    return nameServersIn(this);
  }

  async findZone(name: Name): Promise<Name | undefined> {
    return longestZone(name, await this.zonesAbove(name));
  }

  async close(): Promise<void> {
    this.api.close();
  }

  #note({ name: written, type, ttl, values, owner }: CloudRrSet, found: Map<string, Observed>): void {
    const name = parseName(written === "" ? "@" : written, this.zone);
    const canonical = sortValues(values.map((value) => this.#canonical(type, value)));
    found.set(keyOf({ name, type }), { rrset: { name, type, ttl, values: canonical }, owner });
  }

  /** Returns a value that is not valid for its type unchanged: it is not ours. */
  #canonical(type: string, value: string): string {
    try {
      return canonicalValue(type, value, this.zone);
    } catch (error) {
      if (error instanceof DnsError) return value;
      throw error;
    }
  }
}

/** The name as APIs want it: without the final dot. */
export function withoutDot(name: Name): string {
  return name === "." ? name : name.slice(0, -1);
}
