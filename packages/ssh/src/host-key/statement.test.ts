import { describe, expect, it } from "@jest/globals";
import { successorsOf, verifyRecord } from "./statement.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAW+qCM7N1kX8eVjKkvtPlXcmK9zDbeLhx0McxkRfb4g";

describe("successorsOf", () => {
  const chain = [
    ["a", "b"],
    ["x", "y"],
    ["b", "c"],
  ].map(([oldKey, newKey]) => ({ oldKey: oldKey!, newKey: newKey!, operationId: "" }));

  it("follows a key through all that took its place", () => {
    expect(successorsOf("a", chain)).toEqual(["b", "c"]);
    expect(successorsOf("b", chain)).toEqual(["c"]);
    expect(successorsOf("c", chain)).toEqual([]);
  });
});

describe("verifyRecord", () => {
  const statement = (fields: object) => JSON.stringify({ statement: JSON.stringify(fields), signature: "" });

  it.each([
    ["", undefined],
    ["nonsense", "it is not JSON"],
    ["null", "its fields are not those of a statement"],
    ['{"statement":"{}"}', "its fields are not those of a statement"],
    [statement({ version: 1, host: "h:22", more: 1 }), "its fields are not those of a statement"],
  ])("finds nothing in %j", (record, problem) => {
    expect(verifyRecord(`${record}\n`, "h:22", [KEY])).toEqual({ successions: [], problem });
  });
});
