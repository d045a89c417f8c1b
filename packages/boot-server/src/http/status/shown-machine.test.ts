import { describe, expect, it } from "@jest/globals";
import { reportOf } from "../../../tests/entries.ts";
import { declared, undeclared } from "../../../tests/machine-status.ts";
import type { EntryStatus } from "../../core/api.ts";
import { inOrder, needsAttention } from "./condition.ts";
import { shownMachines } from "./shown-machine.ts";
import { summary, titleOf } from "./summary.ts";

const known = (mac: string, lastSeenAt?: number) => undeclared(mac, { lastSeenAt });

describe("the machines", () => {
  it("are the entries, and the network cards without an entry that were seen", () => {
    const cards = [
      declared("web", "armed"),
      known("b", 1),
      known("a"),
      declared("web", "armed", { mac: "c" }),
    ];
    expect(shownMachines(cards).map(({ key, macs }) => [key, ...macs])).toEqual([
      ["entry web", "c", "mac of web"],
      ["b", "b"],
    ]);
  });

  it.each([
    ["the last sighting first", { a: 1, b: 3, c: 2 }, ["b", "c", "a"]],
    ["one that was seen before one that was not", { a: undefined, b: 3, c: undefined }, ["b", "a", "c"]],
    ["the addresses in order, when no card was seen", { c: undefined, a: undefined }, ["a", "c"]],
    ["the addresses in order, when they were seen at once", { b: 1, a: 1 }, ["a", "b"]],
  ])("have %s", (_what, seen, macs) => {
    const cards = Object.entries(seen).map(([mac, lastSeenAt]) =>
      declared("web", "armed", { mac, lastSeenAt }),
    );
    expect(shownMachines(cards)[0]?.macs).toEqual(macs);
  });

  it("have the events of all cards in order, and each of them once", () => {
    const [put, booted, asked] = [1, 2, 3].map((at) => ({ at, text: `event ${at}` }));
    const [machine] = shownMachines([
      declared("web", "armed", { mac: "a", timeline: [put!, asked!], advice: ["x", "y"] }),
      declared("web", "armed", { mac: "b", timeline: [put!, booted!], advice: ["x", "z"] }),
    ]);
    expect(machine?.timeline).toEqual([put, booted, asked]);
    expect(machine?.advice).toEqual(["x", "y", "z"]);
  });

  it.each<[Partial<EntryStatus>, number | undefined, number | undefined]>([
    [{}, undefined, undefined],
    [{}, 5, 5],
    [{ bootedAt: 6 }, undefined, 6],
    [{ bootedAt: 6, claimedAt: 7 }, 5, 7],
    [{ bootedAt: 6, claimedAt: 7, report: reportOf({ reportedAt: 8 }) }, 5, 8],
    [{ bootedAt: 6, report: reportOf({ reportedAt: 8 }) }, 9, 9],
  ])("with %j were seen last, after a sighting at %p, at %p", (entry, lastSeenAt, expected) => {
    expect(shownMachines([declared("web", "armed", { lastSeenAt }, entry)])[0]?.lastSeenAt).toBe(expected);
  });
});

describe("the order", () => {
  it("is that of the names within a condition", () => {
    const cards = ["b", "a", "c"].map((id) => declared(id, "armed"));
    expect(inOrder(shownMachines(cards)).map(({ entry }) => entry?.id)).toEqual(["a", "b", "c"]);
  });

  it("is that of the last sightings among unknown machines, then of their names", () => {
    const cards = [known("b", 1), known("d", 2), known("a", 1), known("c", 3)];
    expect(inOrder(shownMachines(cards)).map(({ key }) => key)).toEqual(["c", "d", "a", "b"]);
  });

  it("does not depend on when declared machines were seen", () => {
    const cards = [declared("b", "armed", { lastSeenAt: 9 }), declared("a", "armed", { lastSeenAt: 1 })];
    expect(inOrder(shownMachines(cards)).map(({ key }) => key)).toEqual(["entry a", "entry b"]);
  });

  it("is that of the names when an unknown machine and a declared one have advice", () => {
    const advice = ["Look."];
    const cards = [
      undeclared("z", { advice, lastSeenAt: 9 }),
      declared("web", "installed", { advice, lastSeenAt: 1 }),
    ];
    expect(inOrder(shownMachines(cards)).map(({ key }) => key)).toEqual(["entry web", "z"]);
  });

  it("of a failed machine is not later because there is advice", () => {
    const advice = ["Look."];
    const cards = [
      declared("a", "installed", { advice }),
      declared("b", "failed", { advice }),
      declared("c", "failed"),
      declared("d", "installing"),
    ];
    expect(inOrder(shownMachines(cards)).map(({ entry }) => entry?.id)).toEqual(["b", "c", "a", "d"]);
  });
});

describe("attention", () => {
  it.each([
    ["failed", [], true],
    ["refused", [], true],
    ["interrupted", [], true],
    ["installed", [], false],
    ["installed", ["Look."], true],
  ] as const)("is needed by a machine that is %s with the advice %j: %p", (phase, advice, expected) => {
    const [machine] = shownMachines([declared("web", phase, { advice: [...advice] })]);
    expect(needsAttention(machine!)).toBe(expected);
  });
});

describe("the summary", () => {
  const shown = (...phases: EntryStatus["phase"][]) =>
    shownMachines(phases.map((phase, i) => declared(`${phase}-${i}`, phase)));

  it.each<[EntryStatus["phase"][], string, string]>([
    [[], "Boot server", "0 machines"],
    [["armed"], "Boot server", "1 machine 1 armed"],
    [["failed"], "1 needs attention · Boot server", "1 machine 1 needs attention 1 failed"],
    [
      ["failed", "interrupted", "booting", "installing", "armed"],
      "2 need attention · 2 active · Boot server",
      "5 machines 2 need attention 1 failed 1 interrupted 1 installing 1 booting 1 armed",
    ],
    [["booting"], "1 active · Boot server", "1 machine 1 booting"],
  ])("of %j is %j", (phases, title, counts) => {
    const machines = shown(...phases);
    expect(titleOf(machines)).toBe(title);
    const text = summary({ at: 60_000, startedAt: 0, machines }).text.replaceAll(/<[^>]*>/g, " ");
    expect(text.replaceAll(/[\s\u00a0]+/g, " ").trim()).toBe(`${counts} Service started 1 min ago`);
  });
});
