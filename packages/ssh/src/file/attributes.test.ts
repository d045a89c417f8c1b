import { describe, expect, it } from "@jest/globals";
import { type Attributes, hasAttributes, parseObserved, wantedAttributes } from "./attributes.ts";

const existing = {
  sha256: "abc",
  mode: 0o640,
  uid: "1000",
  gid: "100",
  owner: "alice",
  group: "domain users",
};

describe("parseObserved", () => {
  it("reads an existing file, with names that have spaces", () => {
    expect(parseObserved("abc 640 1000 100\nalice\ndomain users\n")).toEqual(existing);
  });

  it("knows that there is no file", () => {
    expect(parseObserved("")).toBeUndefined();
  });
});

describe("wantedAttributes", () => {
  it.each([
    ["of a new file", {}, undefined, { mode: "0644", owner: "", group: "" }],
    ["of a new secret", { secret: {} }, undefined, { mode: "0600", owner: "", group: "" }],
    ["of an existing file", {}, existing, { mode: "0644", owner: "1000", group: "100" }],
    [
      "of an existing secret with a mode",
      { secret: {}, mode: "0640" },
      existing,
      { mode: "0640", owner: "1000", group: "100" },
    ],
    [
      "that are all set",
      { mode: "700", owner: "bob", group: "0" },
      existing,
      { mode: "700", owner: "bob", group: "0" },
    ],
  ])("are those %s", (_, inputs, existing, wanted) => {
    expect(wantedAttributes(inputs, existing)).toEqual(wanted);
  });
});

describe("hasAttributes", () => {
  const wanted: Attributes = { mode: "0640", owner: "alice", group: "100" };

  it.each<[boolean, string, Partial<Attributes>]>([
    [true, "a name and a number", {}],
    [true, "a number and a name", { owner: "1000", group: "domain users" }],
    [true, "a mode of three digits", { mode: "640" }],
    [false, "another mode", { mode: "0600" }],
    [false, "another owner", { owner: "bob" }],
    [false, "the number of the group as the owner", { owner: "100" }],
    [false, "another group", { group: "users" }],
    [false, "the number of the owner as the group", { group: "1000" }],
  ])("is %s for %s", (expected, _, changes) => {
    expect(hasAttributes(existing, { ...wanted, ...changes })).toBe(expected);
  });
});
