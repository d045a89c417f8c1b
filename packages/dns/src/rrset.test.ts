import { describe, expect, it } from "@jest/globals";
import {
  type Change,
  describeRrSet,
  groupByName,
  NOTHING,
  type RrSet,
  sameRrSet,
  sameValues,
  sortValues,
} from "./rrset.ts";

const rrset = (values: string[], ttl = 300): RrSet => ({ name: "a.example.", type: "TXT", ttl, values });

describe("two RRsets", () => {
  it.each<[string, RrSet | undefined, RrSet | undefined, boolean, boolean]>([
    ["none and none", undefined, undefined, true, true],
    ["none and one", undefined, rrset(["x"]), false, false],
    ["one and none", rrset(["x"]), undefined, false, false],
    ["equal ones", rrset(["x", "y"]), rrset(["x", "y"]), true, true],
    ["with one value more", rrset(["x"]), rrset(["x", "y"]), false, false],
    ["with one value less", rrset(["x", "y"]), rrset(["x"]), false, false],
    ["with another value", rrset(["x", "y"]), rrset(["x", "z"]), false, false],
    ["with another TTL", rrset(["x"]), rrset(["x"], 301), true, false],
  ])("%s", (_, a, b, haveSameValues, areSame) => {
    expect(sameValues(a, b)).toBe(haveSameValues);
    expect(sameRrSet(a, b)).toBe(areSame);
  });
});

it.each([
  [
    ["b", "a", "b"],
    ["a", "b"],
  ],
  [
    ["b", "a"],
    ["a", "b"],
  ],
  [["a", "a"], ["a"]],
  [["a"], ["a"]],
  [[], []],
])("sorts %j to %j", (values, sorted) => {
  expect(sortValues(values)).toEqual(sorted);
});

it.each([
  [undefined, "nothing"],
  [rrset(["x", "y"]), "300 TXT x, 300 TXT y"],
  [rrset(["x".repeat(120)]), `300 TXT ${"x".repeat(120)}`],
  [rrset([`${"x".repeat(120)}y`]), `300 TXT ${"x".repeat(120)}…`],
])("describes %j", (one, text) => {
  expect(describeRrSet(one)).toBe(text);
});

describe("groups of changes", () => {
  const change = (name: string, type = "A", group?: string): Change => ({
    name,
    type,
    before: NOTHING,
    after: NOTHING,
    ...(group === undefined ? {} : { group }),
  });
  const groups = (...changes: Change[]) =>
    groupByName(changes).map((group) => group.map(({ name, type }) => `${name} ${type}`));

  it("have all of one name, in their order", () => {
    expect(groups(change("a."), change("b."), change("a.", "TXT"))).toEqual([["a. A", "a. TXT"], ["b. A"]]);
  });

  it("have what is to stay with another name", () => {
    expect(groups(change("a."), change("m.", "TXT", "a."), change("b."))).toEqual([
      ["a. A", "m. TXT"],
      ["b. A"],
    ]);
  });

  it("are in the order of the tree, parents first", () => {
    expect(groups(change("b.z."), change("z."), change("a.y."), change("y."), change("a.b.z."))).toEqual([
      ["y. A"],
      ["a.y. A"],
      ["z. A"],
      ["b.z. A"],
      ["a.b.z. A"],
    ]);
  });
});
