import { expect, it } from "@jest/globals";
import { hasEntityTag, parseRange } from "./byte-range.ts";

it.each([
  ["bytes=0-9", { start: 0, end: 9 }],
  ["bytes=0-0", { start: 0, end: 0 }],
  ["bytes=90-", { start: 90, end: 99 }],
  ["bytes=90-1000", { start: 90, end: 99 }],
  ["bytes=-10", { start: 90, end: 99 }],
  ["bytes=-1000", { start: 0, end: 99 }],
  ["BYTES=99-99", { start: 99, end: 99 }],
  ["bytes=100-", "unsatisfiable"],
  ["bytes=100-200", "unsatisfiable"],
  ["bytes=-0", "unsatisfiable"],
  ["bytes=9-5", undefined],
  ["bytes=0-1,5-6", undefined],
  ["bytes=-", undefined],
  ["bytes=", undefined],
  ["bytes=a-b", undefined],
  ["bytes=0x1-2", undefined],
  ["bytes=99999999999999999999-", undefined],
  ["lines=0-9", undefined],
  ["", undefined],
])("reads %j of 100 bytes", (header, expected) => {
  expect(parseRange(header, 100)).toEqual(expected);
});

it("has no range of nothing", () => {
  expect(parseRange("bytes=0-", 0)).toBe("unsatisfiable");
  expect(parseRange("bytes=-5", 0)).toBe("unsatisfiable");
});

it.each([
  ['"a"', true],
  ['"b", "a"', true],
  ['W/"a"', true],
  ["*", true],
  ['"b"', false],
  ["a", false],
  ["", false],
])('knows whether %j has "a"', (header, expected) => {
  expect(hasEntityTag(header, '"a"')).toBe(expected);
});
