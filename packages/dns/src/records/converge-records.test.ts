import { describe, expect, it } from "@jest/globals";
import { withPrimary, zoneInputs } from "../../tests/dns-primary.ts";
import { DnsStore } from "../../tests/dns-store.ts";
import { testContext } from "../../tests/test-context.ts";
import { convergeRecords } from "./converge-records.ts";
import { check, type Inputs, type Outputs } from "./schema.ts";

const ZONE = "example.test.";
const EARLIER = "2020-01-01T00:00:00Z";

function inputsFor(more: Partial<Inputs> = {}, port = 53): Inputs {
  return {
    ...zoneInputs(port),
    ttl: 60,
    records: {},
    maxDeletePercent: 50,
    tooLarge: "split",
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
        const request = { inputs, previous } as Parameters<typeof convergeRecords>[0];
        previous = { inputs, outputs: await convergeRecords(request, testContext().context) };
      }
    }
    return previous!.outputs;
  });
}

/** A records of these names, with the last byte of their address. */
function records(hosts: Record<string, number | undefined>): Pick<Inputs, "records"> {
  const entries = Object.entries(hosts).map(([name, byte]) => [
    name,
    { A: { values: byte === undefined ? [] : [`192.0.2.${byte}`] } },
  ]);
  return { records: Object.fromEntries(entries) as Inputs["records"] };
}

const line = (name: string, byte: number, ttl = 60) => `${name}.${ZONE} ${ttl} A 192.0.2.${byte}`;

describe("records", () => {
  it.each<[string, (Partial<Inputs> | "forget")[], string[], number]>([
    ["are written in one step", [records({ a: 1, b: 2 })], [line("a", 1), line("b", 2)], 1],
    ["that are as they were are not written", [records({ a: 1 }), records({ a: 1 })], [line("a", 1)], 1],
    ["that are taken out are removed", [records({ a: 1, b: 2 }), records({ a: 1 })], [line("a", 1)], 2],
    [
      "without values are removed",
      [records({ a: 1, b: 2 }), records({ a: 1, b: undefined })],
      [line("a", 1)],
      2,
    ],
    [
      "without values are removed without a state",
      [records({ a: 1, b: 2 }), "forget", records({ a: 1, b: undefined })],
      [line("a", 1)],
      2,
    ],
    [
      "that have to be absent are removed",
      [records({ a: 1, b: 2 }), { ...records({ a: 1, b: 2 }), ensure: "absent" }],
      [],
      2,
    ],
    [
      "that have to be absent are removed without a state",
      [records({ a: 1 }), "forget", { ...records({ a: 1 }), ensure: "absent" }],
      [],
      2,
    ],
    [
      "that have to be absent are removed with those that are taken out",
      [records({ a: 1, b: 2 }), { ...records({ a: 1 }), ensure: "absent" }],
      [],
      2,
    ],
    ["come back", [{ ...records({ a: 1 }), ensure: "absent" }, records({ a: 1 })], [line("a", 1)], 1],
    [
      "have a TTL of their own",
      [{ records: { a: { A: { values: ["192.0.2.1"], ttl: 90 } }, b: { A: { values: ["192.0.2.2"] } } } }],
      [line("a", 1, 90), line("b", 2)],
      1,
    ],
  ])("%s", async (_, runs, lines, updates) => {
    const store = new DnsStore({ [ZONE]: [] });
    await converge(store, runs);
    expect(store.recordsOf(ZONE)).toEqual(lines);
    expect(store.updates).toBe(updates);
  });

  it("that share their values with others and have none any more leave theirs", async () => {
    const store = new DnsStore({ [ZONE]: [line("a", 9)] });
    const merge = { onConflict: "merge" as const, maxDeletePercent: 100 };
    await converge(store, [
      { ...merge, ...records({ a: 1 }) },
      { ...merge, ...records({ a: undefined }) },
    ]);
    expect(store.recordsOf(ZONE)).toEqual([line("a", 9)]);
  });

  it("move to another zone, all of them", async () => {
    const store = new DnsStore({ [ZONE]: [], "other.test.": [] });
    await converge(store, [records({ a: 1, b: 2 }), { ...records({ a: 1 }), zone: "other.test" }]);
    expect([store.recordsOf(ZONE), store.recordsOf("other.test.")]).toEqual([
      [],
      ["a.other.test. 60 A 192.0.2.1"],
    ]);
  });

  it.each<[string, Partial<Inputs>, Partial<Inputs>, string | undefined]>([
    ["half of them", records({ a: 1, b: 2 }), records({ a: 1 }), undefined],
    [
      "more than half of them",
      records({ a: 1, b: 2, c: 3 }),
      records({ a: 1 }),
      `2 of 3 record sets (67 %) would be removed, more than 50 %: b.${ZONE} A, c.${ZONE} A`,
    ],
    [
      "those whose values go",
      records({ a: 1 }),
      records({ a: undefined }),
      `1 of 1 record sets (100 %) would be removed, more than 50 %: a.${ZONE} A`,
    ],
    ["none of none", records({}), records({}), undefined],
    ["those that had no values", records({ a: 1, b: undefined, c: undefined }), records({ a: 1 }), undefined],
  ])("may be refused to be removed: %s", async (_, before, after, message) => {
    const store = new DnsStore({ [ZONE]: [] });
    const work = converge(store, [before, after]);
    if (message === undefined) await work;
    else
      await expect(work).rejects.toMatchObject({
        message,
        path: "records",
        hint: "Nothing was changed. Raise maxDeletePercent for this apply when that is what you want.",
      });
  });

  it("are not compared with the state of another version that lacks inputs, or of absent ones", async () => {
    const store = new DnsStore({ [ZONE]: [] });
    await withPrimary(store.respond, async (_client, _asked, port) => {
      const outputs = { serial: 1, safeAfter: EARLIER };
      const inputs = inputsFor(records({ a: 1 }), port);
      const run = (before: Partial<Inputs>) => {
        const request = { inputs, previous: { inputs: before as Inputs, outputs } };
        return convergeRecords(request, testContext().context);
      };
      const { zone, ttl, records: given } = inputs;
      await run(inputs);
      expect((await run({ zone, ttl, records: given })).safeAfter).toBe(EARLIER);
      for (const lacking of [
        { ttl, records: given },
        { zone, ttl },
        { zone, records: given },
        { ...inputs, ensure: "absent" as const },
      ])
        expect((await run(lacking)).safeAfter).not.toBe(EARLIER);
    });
  });

  it.each([
    ["split", 2],
    ["refuse", 0],
  ] as const)("that do not fit into one message: %s", async (tooLarge, updates) => {
    const store = new DnsStore({ [ZONE]: [] });
    const values = (length: number) => Array.from({ length }, (_, index) => `${index}`.padStart(250, "x"));
    const large = { a: { TXT: { values: values(150) } }, b: { TXT: { values: values(150) } } };
    const work = converge(store, [{ records: large, tooLarge }]);
    if (updates > 0) await work;
    else await expect(work).rejects.toThrow(/^the update does not fit into one message \(302 records\)$/);
    expect(store.updates).toBe(updates);
  });
});

it.each<[string, Inputs["records"], string[]]>([
  ["nothing", { www: { A: { values: ["192.0.2.1"] } } }, []],
  ["a value", { www: { A: { values: ["x"] } } }, ['records.www.A.values[0]: "x" is not an IPv4 address']],
  [
    "records beside CNAME",
    { www: { CNAME: { values: ["x"] }, A: { values: ["192.0.2.1"] } } },
    ["records.www.example.test..A: www.example.test. is a CNAME, which allows nothing beside it"],
  ],
])("the check finds %s", (_, given, violations) => {
  const found = check(inputsFor({ records: given }));
  expect(found.map(({ path, message }) => `${path}: ${message}`)).toEqual(violations);
});
