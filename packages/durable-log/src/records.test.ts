import { describe, expect, it } from "@jest/globals";
import { DamagedLogError, parseRecords } from "./records.ts";

const records = [{ index: 0, text: "a }\n{ b" }, { index: 1, list: [{}, { deep: {} }] }, { index: 2 }];
const layouts: Record<string, string> = {
  pretty: records.map((record) => `${JSON.stringify(record, null, 2)}\n`).join(""),
  "one a line": records.map((record) => `${JSON.stringify(record)}\n`).join(""),
  "any white space between": records.map((record) => `\t \r\v${JSON.stringify(record)}`).join("\f") + "\r",
  "without separators": records.map((record) => JSON.stringify(record)).join(""),
  indented: records
    .map((record) => `\n    ${JSON.stringify(record, null, 4).replaceAll("\n", "\n    ")}\n`)
    .join(""),
};

describe.each(Object.entries(layouts))("parseRecords, %s", (_, text) => {
  const bytes = Buffer.from(text);

  it("reads all records", () => {
    expect(parseRecords(bytes)).toEqual({ records, end: bytes.length });
  });

  it("drops only what was cut off, wherever that was", () => {
    for (let length = 0; length < bytes.length; length++) {
      const parsed = parseRecords(bytes.subarray(0, length));
      expect(records.slice(0, parsed.records.length)).toEqual(parsed.records);
      expect(parseRecords(bytes.subarray(0, parsed.end)).records).toEqual(parsed.records);
      expect(bytes.subarray(parsed.end, length).toString("utf8").trim()).not.toMatch(/\}\s*\{/);
    }
  });

  it("takes zeros at the end for a cut-off record", () => {
    for (const kept of [bytes.length, bytes.length - 3]) {
      const zeros = Buffer.concat([bytes.subarray(0, kept), Buffer.alloc(4096)]);
      const parsed = parseRecords(zeros);
      expect(parsed.end).toBeLessThan(zeros.length);
      expect(parsed.records.length).toBeGreaterThanOrEqual(2);
    }
  });

  it("refuses damage before the end", () => {
    const at = bytes.indexOf('"list"');
    const damaged = Buffer.from(bytes);
    damaged[at] = 0x23;
    expect(() => parseRecords(damaged)).toThrow(DamagedLogError);
  });

  it("refuses a record that was appended to a cut-off one", () => {
    const cut = bytes.subarray(0, bytes.indexOf('"deep"') + 3);
    const appended = Buffer.concat([cut, Buffer.from('{\n  "index": 3\n}\n')]);
    expect(() => parseRecords(appended)).toThrow(DamagedLogError);
  });
});

describe("parseRecords", () => {
  it("tells where the damage is and how much before it is whole", () => {
    const bytes = Buffer.from('{"a":1}\n{"b":}\n{"c":3}\n');
    expect(() => parseRecords(bytes)).toThrow(expect.objectContaining({ offset: 13, wholeRecords: 1 }));
  });

  it("refuses bytes that are not UTF-8 inside a record", () => {
    const bytes = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('"}\n{"b":1}\n')]);
    expect(() => parseRecords(bytes)).toThrow(DamagedLogError);
  });

  it.each(["invalid json", "[]", "1", '{"a":1},{"b":2}'])("refuses %j", (text) => {
    expect(() => parseRecords(Buffer.from(text))).toThrow(DamagedLogError);
  });

  it("reads an empty file as no records", () => {
    expect(parseRecords(Buffer.alloc(0))).toEqual({ records: [], end: 0 });
  });
});
