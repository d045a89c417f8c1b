import { describe, expect, it } from "@jest/globals";
import { scanObject } from "./json-prefix.ts";

const text = JSON.stringify(
  {
    index: 12,
    meta: { time: "2026-01-01", empty: {}, 'quo"ted\\': "grü\u0000ße\n\u2028" },
    patch: [true, false, null, -1.5e-7, 0, [], [[]], "}{"],
  },
  null,
  2,
);
const bytes = Buffer.from(text);

describe("scanObject", () => {
  it("finds the end of a whole object, whatever follows", () => {
    const file = Buffer.concat([Buffer.from("xx"), bytes, Buffer.from('{"more"')]);
    expect(scanObject(file, 2)).toEqual({ kind: "whole", end: 2 + bytes.length });
  });

  it("calls every proper prefix cut, and none of them malformed", () => {
    for (let length = 1; length < bytes.length; length++) {
      expect({ length, extent: scanObject(bytes.subarray(0, length), 0) }).toEqual({
        length,
        extent: { kind: "cut" },
      });
    }
  });

  it("calls an object with a damaged structural byte whole only where JSON.parse agrees", () => {
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (!'{}[]",:'.includes(String.fromCharCode(byte))) continue;
      const damaged = Buffer.from(bytes);
      damaged[at] = 0x78;
      const extent = scanObject(damaged, 0);
      const parses = isJson(damaged.toString("utf8"));
      expect({ at, whole: extent.kind === "whole" && extent.end === bytes.length }).toEqual({
        at,
        whole: parses,
      });
    }
  });

  it.each([
    ['{"a":1,}', 7],
    ["{,}", 1],
    ['{"a" 1}', 5],
    ['{"a":01}', 5],
    ['{"a":truth}', 5],
    ['{"a":1]', 6],
    ['{"a":"b\nc"}', 7],
    ['{"a":1 "b":2}', 7],
    ["{1:2}", 1],
    ["{{", 1],
    ['{"a"[', 4],
    ['{"a":1{', 6],
    ['{"a":[1[', 7],
    ['{"a":"\\x"}', 6],
    ['{"a":"\\u12g4"}', 6],
    ['{"a":tru}', 5],
    ['{"a":trx', 5],
  ])("finds %j malformed at %i", (malformed, at) => {
    expect(scanObject(Buffer.from(malformed), 0)).toEqual({ kind: "malformed", at });
  });
});

function isJson(candidate: string): boolean {
  try {
    JSON.parse(candidate);
    return true;
  } catch {
    return false;
  }
}
