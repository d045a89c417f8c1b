import { describe, expect, it } from "@jest/globals";
import { assert, boolean, jsonValue, property } from "fast-check";
import { canonicalJson, JsonNumber, parseJson, sameJson, stringifyJson } from "./index.ts";

const NUMBERS = [
  "0",
  "-0",
  "-0.0",
  "1",
  "1.0",
  "1e2",
  "1E+2",
  "0.1",
  "0.10",
  "1e16",
  "1e300",
  "1e999",
  "5e-324",
  "9007199254740991",
  "9007199254740993",
  "9223372036854775807",
  "-9223372036854775808",
  "18446744073709551616",
  "0.30000000000000004",
  "3.14159265358979323846",
];

describe("parseJson and stringifyJson", () => {
  it.each(NUMBERS)("give %s back as it was written, wherever it stands", (number) => {
    for (const text of [number, `[${number}]`, `{"a":{"b":[1,${number},"x"]}}`]) {
      expect(stringifyJson(parseJson(text))).toBe(text);
    }
    expect(stringifyJson(parseJson(`{"a":[${number}]}`), 2)).toBe(`{\n  "a": [\n    ${number}\n  ]\n}`);
  });

  it("take digits in strings and names for what they are", () => {
    const text = '{"1.0":"2.0","a\\\\":"\\"1.0","\\\\\\"":["1.0\\\\",1]}';
    expect(parseJson(text)).toEqual(JSON.parse(text));
    expect(stringifyJson(parseJson(`[${text},1.0]`))).toBe(`[${text},1.0]`);
  });

  it("keep names that JavaScript has a use for", () => {
    for (const number of ["1", "1.0"]) {
      const text = `{"__proto__":{"x":${number}},"constructor":1,"prototype":null,"toString":[]}`;
      expect(stringifyJson(parseJson(text))).toBe(text);
    }
  });

  it("count the last of fields with the same name, as JSON.parse does", () => {
    expect(stringifyJson(parseJson('{"a":1.0,"a":2.0}'))).toBe('{"a":2.0}');
  });

  it.each(["", "{", '{"a":1.0', "[1.0,]", "01.0", "1.0 2", "-", "1.", "\u00a01.0", '"\n1.0"', "[1.0 NaN]"])(
    "refuse %j",
    (text) => {
      expect(() => parseJson(text)).toThrow();
    },
  );

  it("agree with JSON.parse and JSON.stringify about all else", () => {
    assert(
      property(jsonValue(), boolean(), (value, lossless) => {
        const text = JSON.stringify(lossless ? [value, 0] : [value]);
        const tried = lossless ? text.replace(/0\]$/, "0.0]") : text;
        const parsed = parseJson(tried) as unknown[];
        expect(parsed[0]).toEqual((JSON.parse(text) as unknown[])[0]);
        expect(stringifyJson(parsed)).toBe(tried);
      }),
    );
  });

  it("read 20 MB of digits, or of one string", () => {
    expect(parseJson(`"${"1.0".repeat(7_000_000)}"`)).toHaveLength(21_000_000);
    const digits = "1".repeat(20_000_000);
    expect((parseJson(digits) as JsonNumber).text).toHaveLength(20_000_000);
  });

  // Each is a number that JSON.parse would change, beside characters at the ends of the ranges of digits and signs.
  it.each([
    "0.0",
    "9.0",
    "1.0",
    "-1.0",
    "-0",
    "-9.10",
    "1e5",
    "[0.0]",
    '{"a":9.0}',
    "90071992547409931",
    "0.50 ",
  ])("keep the notation of %j", (text) => {
    expect(stringifyJson(parseJson(text))).toBe(text.trim());
  });

  it("fail as JSON.stringify does for what is not JSON", () => {
    const circular: Record<string, unknown> = {};
    circular["self"] = circular;
    expect(() => stringifyJson(circular)).toThrow("circular");
    expect(() => stringifyJson(1n)).toThrow("BigInt");
  });

  it("JSON.stringify refuses what it would change", () => {
    expect(() => JSON.stringify([parseJson("1.0")])).toThrow("stringifyJson");
  });
});

describe("JsonNumber", () => {
  it.each([
    ["22.0", 22],
    ["1e3", 1000],
    ["0.10", 0.1],
    ["3.14159265358979323846", Math.PI],
    ["9007199254740993", undefined],
    ["1e999", undefined],
    ["100000000000000000000000", 1e23],
  ])("%s is the JavaScript number %s", (text, number) => {
    expect(new JsonNumber(text).toNumber()).toBe(number);
  });
});

describe("sameJson", () => {
  it.each([
    ["1", "1.0"],
    ["-0", "0"],
    ["100", "1e2"],
    ["9007199254740993", "9007199254740993.0"],
    ["0.1", "0.100"],
    ['{"a":1,"b":2}', '{"b":2.0,"a":1}'],
  ])("%s is %s", (one, other) => {
    expect(sameJson(parseJson(one), parseJson(other))).toBe(true);
  });

  it.each([
    ["9007199254740992", "9007199254740993"],
    ["9223372036854775807", "9223372036854775808"],
    ["1", '"1"'],
    ["1", "1.1"],
    ['{"__proto__":1}', "{}"],
    ["[]", "{}"],
  ])("%s is not %s", (one, other) => {
    expect(sameJson(parseJson(one), parseJson(other))).toBe(false);
  });

  it("puts fields in order at all depths, and leaves lists as they are", () => {
    const value = { b: [2, 1, { d: null, c: "ä", u: undefined }], a: {} };
    expect(canonicalJson(value)).toBe('{"a":{},"b":[2,1,{"c":"ä","d":null}]}');
  });

  it("writes what JSON.stringify would write for values that it can keep", () => {
    expect(canonicalJson(parseJson('{"b":[1.0,"x"],"a":-0.0}'))).toBe('{"a":0,"b":[1,"x"]}');
  });
});
