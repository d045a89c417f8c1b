import { describe, expect, it } from "@jest/globals";
import { DnsError } from "./dns-error.ts";
import { parseAddress } from "./fields.ts";
import { CLASS, decodeMessage, encodeUpdatePart, joinUpdate, sizeOf } from "./message.ts";
import { isWithin, joinLabels, labelsOf, parseName, relativeTo, reverseName, takeLabel } from "./name.ts";
import { Reader, Writer } from "./wire.ts";

describe("names", () => {
  it.each([
    ["example.test.", "example.test.", true],
    ["www.example.test.", "example.test.", true],
    ["notexample.test.", "example.test.", false],
    ["example.test.", "www.example.test.", false],
    ["other.", "example.test.", false],
    ["anything.", ".", true],
    [".", ".", true],
    [".", "example.test.", false],
    ["a\\.example.test.", "example.test.", false],
    ["a\\.b.example.test.", "example.test.", true],
    ["b.a\\.c.test.", "a\\.c.test.", true],
    ["b\\\\.example.test.", "example.test.", true],
  ])("%s is within %s: %s", (name, zone, isInside) => {
    expect(isWithin(name, zone)).toBe(isInside);
  });

  it.each([
    ["example.test.", "example.test.", "@"],
    ["www.example.test.", "example.test.", "www"],
    ["www.example.test.", ".", "www.example.test"],
    [".", ".", "@"],
  ])("%s relative to %s is %s", (name, zone, relative) => {
    expect(relativeTo(name, zone)).toBe(relative);
  });

  it.each([
    ["192.0.2.1", "1.2.0.192.in-addr.arpa."],
    ["2001:db8::a1", `1.a.${"0.".repeat(22)}8.b.d.0.1.0.0.2.ip6.arpa.`],
  ])("the PTR record of %s is at %s", (address, name) => {
    expect(reverseName(address, parseAddress)).toBe(name);
  });

  it.each([
    ["a.b.", "a", "b."],
    ["a.", "a", "."],
    ["a\\.b.c.", "a.b", "c."],
    ["\\255.c.", "\xff", "c."],
  ])("the first label of %s is %j", (name, label, after) => {
    expect(takeLabel(name)).toEqual({ label, after });
  });

  it.each([
    ["ÿ", "xn--wda."],
    ["\x80", undefined],
    ["ÀB", "xn--b-rfa."],
    ["\\192", "\\192."],
    ["a\x7f", undefined],
    ["ﬀ。x", undefined],
    ["a!b", "a!b."],
    ['a"b(c)d;e@f$g', '"'],
  ])("%j is the name %j", (text, name) => {
    if (name === undefined) expect(() => parseName(text)).toThrow(DnsError);
    else if (name === '"') expect(parseName(text)).toBe('a\\"b\\(c\\)d\\;e\\@f\\$g.');
    else expect(parseName(text)).toBe(name);
  });

  it("have labels", () => {
    expect(labelsOf(".")).toEqual([]);
    expect(labelsOf("a\\.b.c.")).toEqual(["a.b", "c"]);
    expect(joinLabels([])).toBe(".");
    expect(joinLabels(["a.b", "c"])).toBe("a\\.b.c.");
    expect(joinLabels(["a".repeat(63)])).toBe(`${"a".repeat(63)}.`);
    expect(() => joinLabels(["a".repeat(64)])).toThrow("a label has 64 bytes: 63 are allowed");
  });
});

describe("the wire format", () => {
  const names = [
    ".",
    "a.",
    "www.example.test.",
    "a\\.b.example.test.",
    "\\000\\255.",
    `${"x".repeat(63)}.y.`,
  ];

  it.each(names)("writes the name %s as it reads it", (name) => {
    const writer = new Writer(1);
    writer.name(name);
    const reader = new Reader(writer.finish());
    expect(reader.name()).toBe(name);
    expect(reader.isAtEnd).toBe(true);
  });

  it("writes labels after their lengths", () => {
    const writer = new Writer();
    writer.name("www.b.");
    expect([...writer.finish()]).toEqual([3, 119, 119, 119, 1, 98, 0]);
  });

  it("reads letters in lower case, and other bytes as they are", () => {
    expect(new Reader(Buffer.from([3, 0x41, 0x5a, 0xc0, 0])).name()).toBe("az\\192.");
  });

  it.each([
    ["a label of an unknown type", [64, 0], "a label has an unknown type"],
    ["a pointer to itself", [0xc0, 0], "does not point backwards"],
    ["an end that is missing", [1], "ends too early"],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => new Reader(Buffer.from(bytes)).name()).toThrow(message);
  });

  it("follows pointers up to the longest name", () => {
    const bytes = Buffer.concat([
      ...Array.from({ length: 3 }, () => Buffer.concat([Buffer.of(63), Buffer.alloc(63, 0x61)])),
      Buffer.concat([Buffer.of(59), Buffer.alloc(59, 0x62), Buffer.of(0)]),
      Buffer.of(1, 0x63, 0xc0, 0),
      Buffer.of(2, 0x63, 0x63, 0xc0, 0),
    ]);
    expect(new Reader(bytes, 253).name()).toMatch(/^c\.a{63}\..*b\.$/);
    expect(() => new Reader(bytes, 257).name()).toThrow("the name has 256 bytes: 255 are allowed");
  });

  it("refuses more than fits", () => {
    const writer = new Writer();
    writer.shortBytes(Buffer.alloc(255));
    expect(writer.length).toBe(256);
    expect(() => writer.shortBytes(Buffer.alloc(256))).toThrow("a string has 256 bytes: 255 are allowed");
    writer.sized(() => writer.bytes(Buffer.alloc(65_535)));
    expect(() => writer.sized(() => writer.bytes(Buffer.alloc(65_536)))).toThrow("the data has 65536 bytes");
  });

  it("reads no further than a part", () => {
    const reader = new Reader(Buffer.from([1, 2, 3, 4]));
    const part = reader.part(2);
    expect([part.u8(), part.isAtEnd, part.u8(), part.isAtEnd]).toEqual([1, false, 2, true]);
    expect(() => part.u8()).toThrow("ends too early");
    expect(reader.u16()).toBe(0x0304);
    expect(() => reader.part(1)).toThrow("ends too early");
  });
});

describe("an UPDATE of several parts", () => {
  const zone = "example.test.";
  const absent = (name: string) => ({ name, type: "ANY", class: CLASS.NONE, ttl: 0 });
  const added = (name: string, value: string) => ({ name, type: "A", class: CLASS.IN, ttl: 60, value });
  const part = (name: string, value: string) => encodeUpdatePart(zone, [absent(name)], [added(name, value)]);

  it.each([zone, "www.example.test.", "a\\.b.example.test.", "other.", "."])(
    "has what is written for %s",
    (name) => {
      const parts = [part("first.example.test.", "192.0.2.1"), part(name, "192.0.2.2")];
      const decoded = decodeMessage(joinUpdate(zone, parts));
      expect(decoded).toMatchObject({
        opcode: 5,
        isResponse: false,
        question: [{ name: zone, type: 6, class: 1 }],
      });
      expect(decoded.answer.map((one) => one.name)).toEqual(["first.example.test.", name]);
      expect(decoded.authority).toEqual([
        added("first.example.test.", "192.0.2.1"),
        added(name, "192.0.2.2"),
      ]);
    },
  );

  it("is as long as its parts and their zone", () => {
    const parts = [part("a.example.test.", "192.0.2.1"), part("b.example.test.", "192.0.2.2")];
    const head = 12 + "example.test.".length + 1 + 4;
    expect(joinUpdate(zone, parts)).toHaveLength(head + sizeOf(parts[0]!) + sizeOf(parts[1]!));
    // A name takes its label and a pointer to the zone.
    expect(sizeOf(parts[0]!)).toBe(4 + 10 + 4 + 10 + 4);
  });
});
