import { describe, expect, it } from "@jest/globals";
import { change, creation, observed, removal } from "../../tests/changes.ts";
import { MemoryBackend } from "../../tests/memory-backend.ts";
import { testContext } from "../../tests/test-context.ts";
import { DnsError } from "../client/dns-error.ts";
import { KNOWN_TYPES } from "../client/rr-types.ts";
import { keyOf, type Observed, type RrSet } from "../rrset.ts";
import type { Plan } from "./decide.ts";
import { syncRrSets } from "./sync-rrsets.ts";

const ZONE = "example.test.";
const www = `www.${ZONE}`;
const owner = "ours";
const a = (values: string[], by: string | undefined = owner) => observed(www, "A", values, { owner: by });
const foreign = (values: string[]) => observed(www, "A", values);

function planFor(desired: RrSet[], more: Partial<Plan> = {}): Plan {
  return { desired, removed: [], previous: new Map(), onConflict: "refuse", owner, ...more };
}
const wanted = a(["192.0.2.1"]);
const plan = planFor([wanted.rrset!]);

const interrupted = () => testContext(AbortSignal.abort(new Error("interrupted"))).context;

describe("a zone", () => {
  it("that is as wanted is read once, and not written", async () => {
    const backend = new MemoryBackend([wanted]);
    const { changed, observed: seen } = await syncRrSets(backend, plan, testContext().context);
    expect([changed.size, seen]).toEqual([0, new Map([[`${www} A`, wanted]])]);
    expect([backend.reads, backend.writes]).toEqual([[[`${www} A`]], []]);
  });

  it("is written, and read again", async () => {
    const backend = new MemoryBackend([]);
    const { changed, observed: seen } = await syncRrSets(backend, plan, testContext().context);
    expect([...changed.values()]).toEqual([creation(wanted)]);
    expect(seen.get(`${www} A`)).toEqual(wanted);
    expect([backend.reads.length, backend.writes.length]).toEqual([2, 1]);
  });

  it("is asked for all types that a CNAME excludes", async () => {
    const backend = new MemoryBackend([]);
    const cname = { name: www, type: "CNAME", ttl: 60, values: [`other.${ZONE}`] };
    const mx = { name: www, type: "MX" };
    await syncRrSets(backend, planFor([cname], { removed: [mx] }), testContext().context);
    const types = KNOWN_TYPES.filter((type) => type !== "SOA");
    expect([...backend.reads[0]!].toSorted()).toEqual(types.map((type) => `${www} ${type}`).toSorted());
  });

  it("is not written when it has records of others", async () => {
    const backend = new MemoryBackend([foreign(["192.0.2.9"])]);
    await expect(syncRrSets(backend, plan, testContext().context)).rejects.toMatchObject({
      message: expect.stringMatching(/^the zone example\.test\. has records that are not ours:\n {2}www/),
      hint: expect.stringContaining("Nothing was changed."),
    });
    expect(backend.writes).toEqual([]);
  });

  it("keeps what is to be removed and belongs to others, and says so once", async () => {
    const { context, logged } = testContext();
    const backend = new MemoryBackend([foreign(["192.0.2.9"])]);
    const other = observed(`x.${ZONE}`, "A", ["192.0.2.1"], { owner });
    await syncRrSets(backend, planFor([other.rrset!], { removed: [{ name: www, type: "A" }] }), context);
    expect(logged).toEqual([expect.stringMatching(/^left alone: www\.example\.test\. A/)]);
    expect(backend.rrsets.get(`${www} A`)).toEqual(foreign(["192.0.2.9"]));
  });
});

describe("what happens before the first write", () => {
  const run = async (backend: MemoryBackend) => {
    const called: unknown[] = [];
    await syncRrSets(backend, plan, testContext().context, async ({ changes }, seen) => {
      called.push([changes, seen.size, backend.writes.length]);
    });
    return called;
  };

  it("happens once, with what is decided", async () => {
    const backend = new MemoryBackend([]);
    backend.faults.push(async () => "stale");
    expect(await run(backend)).toEqual([[[creation(wanted)], 0, 0]]);
    expect(backend.writes).toHaveLength(2);
  });

  it("does not happen without a write", async () => {
    expect(await run(new MemoryBackend([wanted]))).toEqual([]);
  });
});

describe("a write", () => {
  it.each<[string, MemoryBackend["faults"][number]]>([
    ["finds that others have changed the zone", async () => "stale"],
    ["fails for a reason that passes", () => Promise.reject(new DnsError("busy", { isTransient: true }))],
  ])("is decided again when it %s", async (_, fault) => {
    const backend = new MemoryBackend([a(["192.0.2.8"])]);
    backend.faults.push(async (changes) => {
      backend.rrsets.set(`${www} A`, a(["192.0.2.9"]));
      return fault(changes);
    });
    const { changed } = await syncRrSets(backend, plan, testContext().context);
    expect(backend.writes.map((changes) => changes[0])).toEqual([
      change(a(["192.0.2.8"]), wanted),
      change(a(["192.0.2.9"]), wanted),
    ]);
    // The old answer is the first that was seen.
    expect([...changed.values()]).toEqual([change(a(["192.0.2.8"]), wanted)]);
  });

  it("waits after others have changed the zone", async () => {
    const backend = new MemoryBackend([]);
    backend.faults.push(async () => "stale");
    await expect(syncRrSets(backend, plan, interrupted())).rejects.toMatchObject({ name: "AbortError" });
    expect(backend.writes).toHaveLength(1);
  });

  it("fails for a reason that lasts", async () => {
    const backend = new MemoryBackend([]);
    const reason = new DnsError("no");
    backend.faults.push(() => Promise.reject(reason));
    await expect(syncRrSets(backend, plan, testContext().context)).rejects.toBe(reason);
  });

  it("is not repeated while a read may be late", async () => {
    const backend = new MemoryBackend([], { lagSeconds: 100 });
    // It is written, and shown only by the read after the next one.
    const read = backend.read.bind(backend);
    backend.faults.push(async (changes) => {
      backend.read = async (ids) => {
        backend.read = read;
        await backend.write(changes);
        backend.reads.push(ids.map(keyOf));
        return new Map();
      };
      return "applied";
    });
    const { observed: seen } = await syncRrSets(backend, plan, testContext().context);
    expect(seen.get(`${www} A`)).toEqual(wanted);
    expect([backend.reads.length, backend.writes.length]).toEqual([3, 1]);
  });

  it.each<[string, Observed[], Plan, string]>([
    ["a new RRset", [], plan, `  ${www} A: wanted 300 A 192.0.2.1, found nothing`],
    [
      "a removal",
      [wanted],
      planFor([], { removed: [{ name: www, type: "A" }] }),
      `  ${www} A: wanted nothing, found 300 A 192.0.2.1`,
    ],
  ])("fails when the server accepts it and does nothing: %s", async (_, there, one, line) => {
    // No read is late, not even one in the same moment.
    const backend = new MemoryBackend(there, { lagSeconds: -1 });
    backend.faults.push(async () => "applied");
    await expect(syncRrSets(backend, one, testContext().context)).rejects.toMatchObject({
      message: `the server accepted changes but did not make them:\n${line}`,
      hint: expect.stringContaining("A server ignores what a zone cannot have"),
    });
    expect(backend.writes).toHaveLength(1);
  });

  it.each<[string, Observed]>([
    ["other values", a(["192.0.2.9"])],
    ["another TTL", observed(www, "A", ["192.0.2.8"], { ttl: 60, owner })],
  ])("is repeated when the server shows something new afterwards: %s", async (_, next) => {
    const backend = new MemoryBackend([a(["192.0.2.8"])], { lagSeconds: -1 });
    backend.faults.push(async () => {
      backend.rrsets.set(`${www} A`, next);
      return "applied";
    });
    await syncRrSets(backend, plan, testContext().context);
    expect(backend.writes).toEqual([[change(a(["192.0.2.8"]), wanted)], [change(next, wanted)]]);
  });

  it("is repeated for the part that is new afterwards", async () => {
    const other = observed(`x.${ZONE}`, "A", ["192.0.2.1"], { owner });
    const before = observed(`x.${ZONE}`, "A", ["192.0.2.7"], { owner });
    const backend = new MemoryBackend([other], { lagSeconds: -1 });
    backend.faults.push(async (changes) => {
      backend.rrsets.set(`x.${ZONE} A`, before);
      return backend.write(changes);
    });
    await syncRrSets(backend, planFor([wanted.rrset!, other.rrset!]), testContext().context);
    expect(backend.writes).toEqual([[creation(wanted)], [change(before, other)]]);
  });

  it("removes", async () => {
    const backend = new MemoryBackend([wanted]);
    await syncRrSets(backend, planFor([], { removed: [{ name: www, type: "A" }] }), testContext().context);
    expect(backend.writes).toEqual([[removal(wanted)]]);
  });
});
