import { describe, expect, it } from "@jest/globals";
import { readRecords } from "./read-records.ts";
import { DamagedLogError, parseRecords } from "./records.ts";

const records = [{ index: 0, text: "a }\n{ b" }, { index: 1, list: [{}, { deep: {} }] }, { index: 2 }];
const pretty = records.map((record) => `${JSON.stringify(record, null, 2)}\n`).join("");
const layouts = {
  pretty,
  "one a line": records.map((record) => `${JSON.stringify(record)}\n`).join(""),
  "without separators": records.map((record) => JSON.stringify(record)).join(""),
  "cut off": pretty.slice(0, -8),
  "with zeros at the end": pretty.slice(0, -8) + "\0".repeat(50),
  "only a record that was cut off": pretty.slice(0, 5),
  empty: "",
};

async function* chunksOf(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(bytes: Buffer, size: number): Promise<{ records: unknown[]; end: number }> {
  const all: unknown[] = [];
  let last = 0;
  for await (const { records: some, end } of readRecords(chunksOf(bytes, size))) {
    all.push(...some);
    last = end;
  }
  return { records: all, end: last };
}

describe.each([1, 2, 3, 7, 20, 10_000])("readRecords, %i bytes at a time", (size) => {
  it.each(Object.entries(layouts))("reads the same as all at once: %s", async (_, text) => {
    const bytes = Buffer.from(text);
    expect(await read(bytes, size)).toEqual(parseRecords(bytes));
  });

  it("finds the same damage", async () => {
    for (const text of [pretty.replace('"list"', '#list"'), `${pretty.slice(0, -8)}\n{"index":3}\n`, "[]"]) {
      let expected: unknown;
      try {
        parseRecords(Buffer.from(text));
      } catch (error) {
        expected = error;
      }
      expect(expected).toBeInstanceOf(DamagedLogError);
      const { offset, wholeRecords } = expected as DamagedLogError;
      await expect(read(Buffer.from(text), size)).rejects.toMatchObject({ offset, wholeRecords });
    }
  });

  it("finds that a record in the middle was cut off", async () => {
    await expect(read(Buffer.from('{"a":{"b":1}\n{"c":2}\n'), size)).rejects.toThrow(DamagedLogError);
    await expect(read(Buffer.from('{"a":1}\n{"b":{"c":1}\n{"d":2}\n'), size)).rejects.toThrow(
      DamagedLogError,
    );
  });
});
