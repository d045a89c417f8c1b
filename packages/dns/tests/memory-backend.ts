import { type Backend, type Capabilities, isAsSeen } from "../src/backends/backend.ts";
import { RFC2136_CAPABILITIES } from "../src/backends/capabilities.ts";
import type { Name } from "../src/client/name.ts";
import { type Change, keyOf, type Observed, type RrSetId } from "../src/rrset.ts";

/** A zone in memory, with compare-and-set. */
export class MemoryBackend implements Backend {
  readonly zone = "example.test.";
  readonly capabilities: Capabilities;
  readonly rrsets: Map<string, Observed>;
  readonly reads: string[][] = [];
  readonly writes: (readonly Change[])[] = [];
  servers: readonly Name[] = [];
  /** In place of the next writes, one after another. */
  readonly faults: ((changes: readonly Change[]) => Promise<"applied" | "stale">)[] = [];

  constructor(observed: readonly Observed[], more: Partial<Capabilities> = {}) {
    this.capabilities = { ...RFC2136_CAPABILITIES, ...more };
    this.rrsets = new Map(observed.map((one) => [keyOf(one.rrset!), one]));
  }

  async read(ids: readonly RrSetId[]): Promise<Map<string, Observed>> {
    this.reads.push(ids.map(keyOf));
    return new Map(
      ids.flatMap((id) => {
        const found = this.rrsets.get(keyOf(id));
        return found === undefined ? [] : [[keyOf(id), found] as const];
      }),
    );
  }

  async apply(changes: readonly Change[]): Promise<"applied" | "stale"> {
    this.writes.push(changes);
    const fault = this.faults.shift();
    return fault === undefined ? this.write(changes) : fault(changes);
  }

  async write(changes: readonly Change[]): Promise<"applied" | "stale"> {
    if (changes.some((change) => !isAsSeen(this.rrsets.get(keyOf(change)), change.before))) return "stale";
    for (const change of changes) {
      if (change.after.rrset === undefined) this.rrsets.delete(keyOf(change));
      else this.rrsets.set(keyOf(change), change.after);
    }
    return "applied";
  }

  async nameServers(): Promise<readonly Name[]> {
    return this.servers;
  }

  async findZone(): Promise<Name | undefined> {
    return this.zone;
  }

  async close(): Promise<void> {}
}
