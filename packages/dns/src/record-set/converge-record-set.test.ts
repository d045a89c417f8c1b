import { describe, expect, it } from "@jest/globals";
import { withPrimary, zoneInputs } from "../../tests/dns-primary.ts";
import { DnsStore } from "../../tests/dns-store.ts";
import { testContext } from "../../tests/test-context.ts";
import { convergeRecordSet } from "./converge-record-set.ts";
import { check, type Inputs, type Outputs } from "./schema.ts";

const ZONE = "example.test.";
const REVERSE = "2.0.192.in-addr.arpa.";
const EARLIER = "2020-01-01T00:00:00Z";

function inputsFor(more: Partial<Inputs> = {}, port = 53): Inputs {
  return {
    ...zoneInputs(port),
    name: "www",
    type: "A",
    ttl: 60,
    values: ["192.0.2.1"],
    reverse: false,
    ensure: "present",
    ...more,
  };
}

/** Converges one after another, each with the state of the one before. */
async function converge(store: DnsStore, runs: (Partial<Inputs> | "forget")[]): Promise<Outputs> {
  return withPrimary(store.respond, async (_client, _asked, port) => {
    let previous: { inputs: Inputs; outputs: Outputs } | undefined;
    for (const run of runs) {
      if (run === "forget") previous = undefined;
      else {
        const inputs = inputsFor(run, port);
        const request = { inputs, previous } as Parameters<typeof convergeRecordSet>[0];
        previous = { inputs, outputs: await convergeRecordSet(request, testContext().context) };
      }
    }
    return previous!.outputs;
  });
}

describe("a record set", () => {
  it("is written with its marker", async () => {
    const store = new DnsStore({ [ZONE]: [] });
    expect(await converge(store, [{}])).toEqual({
      fqdn: `www.${ZONE}`,
      serial: 2,
      safeAfter: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    });
    expect(store.zones.get(ZONE)!.slice(2)).toEqual([
      `www._a._owner.${ZONE} 3600 TXT "nixops4 owner=ours"`,
      `www.${ZONE} 60 A 192.0.2.1`,
    ]);
  });

  const line = (name: string, address: string, ttl = 60) => `${name}.${ZONE} ${ttl} A ${address}`;

  it.each<[string, (Partial<Inputs> | "forget")[], string[], number]>([
    ["that is as it was is not written again", [{}, {}], [line("www", "192.0.2.1")], 1],
    [
      "whose state is lost is still ours",
      [{}, "forget", { values: ["192.0.2.2"] }],
      [line("www", "192.0.2.2")],
      2,
    ],
    [
      "gets other values and another TTL",
      [{}, { values: ["192.0.2.2", "192.0.2.3"], ttl: 90 }],
      [line("www", "192.0.2.2", 90), line("www", "192.0.2.3", 90)],
      2,
    ],
    ["without values is removed", [{}, { values: [] }], [], 2],
    ["that has to be absent is removed", [{}, { ensure: "absent" }], [], 2],
    ["that has to be absent is removed without a state", [{}, "forget", { ensure: "absent" }], [], 2],
    ["that is absent is not written", [{ ensure: "absent" }, { ensure: "absent" }], [], 0],
    ["comes back", [{ ensure: "absent" }, {}], [line("www", "192.0.2.1")], 1],
    ["of another name takes the old one away", [{}, { name: "web" }], [line("web", "192.0.2.1")], 2],
    [
      "of another type takes the old one away",
      [{}, { type: "TXT", values: ["x"] }],
      [`www.${ZONE} 60 TXT "x"`],
      2,
    ],
    [
      "that was absent under another name leaves that alone",
      [
        { name: "kept" },
        "forget",
        { name: "kept", ensure: "absent", marker: { enable: true, owner: "other" } },
        {},
      ],
      [line("kept", "192.0.2.1"), line("www", "192.0.2.1")],
      2,
    ],
  ])("%s", async (_, runs, records, updates) => {
    const store = new DnsStore({ [ZONE]: [] });
    await converge(store, runs);
    expect(store.recordsOf(ZONE)).toEqual(records);
    expect(store.updates).toBe(updates);
  });

  it("that shares its values with others and has none any more leaves theirs", async () => {
    const store = new DnsStore({ [ZONE]: [line("www", "192.0.2.9")] });
    const merge = { onConflict: "merge" as const };
    await converge(store, [merge, { ...merge, values: [] }]);
    expect(store.recordsOf(ZONE)).toEqual([line("www", "192.0.2.9")]);
  });

  it("moves to another zone", async () => {
    const store = new DnsStore({ [ZONE]: [], "other.test.": [] });
    await converge(store, [{}, { zone: "other.test" }]);
    expect([store.recordsOf(ZONE), store.recordsOf("other.test.")]).toEqual([
      [],
      ["www.other.test. 60 A 192.0.2.1"],
    ]);
  });

  it("keeps the time from which no cache has the old answer until the next change", async () => {
    const store = new DnsStore({ [ZONE]: [] });
    await withPrimary(store.respond, async (_client, _asked, port) => {
      const run = (more: Partial<Inputs>, before: Partial<Inputs> | undefined) => {
        const inputs = inputsFor(more, port);
        const outputs = { fqdn: "", serial: 1, safeAfter: EARLIER };
        const previous = before && { inputs: before as Inputs, outputs };
        const request = { inputs, previous } as Parameters<typeof convergeRecordSet>[0];
        return convergeRecordSet(request, testContext().context);
      };
      await run({}, undefined);
      expect((await run({}, inputsFor())).safeAfter).toBe(EARLIER);
      // A run that was killed may have written what differs from the state.
      expect((await run({}, inputsFor({ ttl: 90 }))).safeAfter).not.toBe(EARLIER);
      // Inputs of another version, which lack some.
      const { name, type, zone, values, ttl } = inputsFor();
      expect((await run({}, { name, type, zone, values, ttl })).safeAfter).toBe(EARLIER);
      for (const lacking of [
        { type, zone, values, ttl },
        { name, zone, values, ttl },
        { name, type, values, ttl },
        { name, type, zone },
      ])
        expect((await run({}, lacking)).safeAfter).not.toBe(EARLIER);
    });
  });
});

describe("the PTR records", () => {
  const pointer = (host: string, target: string) => `${host}.${REVERSE} 60 PTR ${target}.${ZONE}`;
  const zones = () => new DnsStore({ [ZONE]: [], [REVERSE]: [] });
  const on = { reverse: true };

  it.each<[string, (Partial<Inputs> | "forget")[], string[]]>([
    [
      "are written with the addresses",
      [{ ...on, values: ["192.0.2.1", "192.0.2.2"] }],
      [pointer("1", "www"), pointer("2", "www")],
    ],
    ["are not written unless wanted", [{}], []],
    ["follow the addresses", [on, { ...on, values: ["192.0.2.2"] }], [pointer("2", "www")]],
    ["follow the name", [on, { ...on, name: "web" }], [pointer("1", "web")]],
    ["are removed when they are no longer wanted", [on, {}], []],
    ["are removed with the addresses", [on, { ...on, ensure: "absent" }], []],
    ["are removed with the addresses without a state", [on, "forget", { ...on, ensure: "absent" }], []],
    ["of addresses that were absent are written", [{ ...on, ensure: "absent" }, on], [pointer("1", "www")]],
    ["stay when the addresses do", [on, on], [pointer("1", "www")]],
  ])("%s", async (_, runs, pointers) => {
    const store = zones();
    await converge(store, runs);
    expect(store.recordsOf(REVERSE)).toEqual(pointers);
  });

  it("need a zone", async () => {
    await expect(converge(new DnsStore({ [ZONE]: [] }), [on])).rejects.toMatchObject({
      message: `the server has no zone for the PTR record 1.${REVERSE}`,
      path: "reverse",
    });
  });

  it("whose zone is gone need no removal", async () => {
    const store = zones();
    await converge(store, [on]);
    store.zones.delete(REVERSE);
    await converge(store, [{ ...on, ensure: "absent" }]);
    expect(store.recordsOf(ZONE)).toEqual([]);
  });
});

it.each<[Partial<Inputs>, object[]]>([
  [{}, []],
  [{ reverse: true }, []],
  [{ reverse: true, type: "AAAA", values: ["2001:db8::1"] }, []],
  [
    { reverse: true, type: "TXT", values: ["x"] },
    [{ path: "reverse", message: "is for A and AAAA, not for TXT" }],
  ],
  [{ type: "TXT", values: ["x"] }, []],
])("the check of %j finds %j", (more, violations) => {
  expect(check(inputsFor(more))).toEqual(violations);
});
