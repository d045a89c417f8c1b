import { describe, expect, it } from "@jest/globals";
import { JsonNumber } from "@nixops4-providers/json";
import type { Contract } from "./contracts.ts";
import { completeOutputs, outputViolations } from "./release.ts";

const contract: Contract = { schema: { properties: { a: {}, b: {} } }, check: () => [] };

it("completeOutputs sets what is missing to null", () => {
  expect(completeOutputs(contract, { a: 0, b: undefined, c: 1 })).toEqual({ a: 0, b: null, c: 1 });
});

describe("outputViolations", () => {
  const HALF = "is text with half a character (an unpaired UTF-16 surrogate)";
  const LARGE = "is an integer of more than 64 bits, which Nix does not have";
  const BEYOND = "is a number beyond 1.8e308, which Nix does not have";

  const number = (text: string) => new JsonNumber(text);
  it.each<[string, unknown, string | undefined]>([
    ["a character beyond 16 bits", "😀", undefined],
    ["half a character", "\ud83d", HALF],
    ["a boolean", true, undefined],
    ["null", null, undefined],
    ["a fraction", 1.5, undefined],
    ["a large number", 1e300, undefined],
    ["Infinity", Infinity, BEYOND],
    ["1e309", number("1e309"), BEYOND],
    ["2^63-1", number("9223372036854775807"), undefined],
    ["2^63", number("9223372036854775808"), LARGE],
    ["-2^63", number("-9223372036854775808"), undefined],
    ["-2^63-1", number("-9223372036854775809"), LARGE],
    ["10^20", number(`1${"0".repeat(20)}`), LARGE],
    ["10^19 as a fraction", number("10000000000000000000.0"), undefined],
  ])("says of %s", (_, value, message) => {
    const at = (path: string) => (message === undefined ? [] : [{ path, message }]);
    expect(outputViolations(contract, { a: value })).toEqual(at("a"));
    expect(outputViolations(contract, { a: { b: [0, value] } })).toEqual(at("a.b[1]"));
  });

  it("checks the names of fields", () => {
    expect(outputViolations(contract, { a: { "\ud83d": 1 } })).toEqual([{ path: "a", message: HALF }]);
  });
});
