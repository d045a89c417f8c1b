import { describe, expect, it } from "@jest/globals";
import { mpint, string, uint32, WireReader } from "./wire.ts";

describe("mpint", () => {
  // The examples of RFC 4251 section 5 that are not negative, and numbers with leading zeros.
  it.each([
    ["", "00000000"],
    ["00", "00000000"],
    ["09a378f9b2e332a7", "0000000809a378f9b2e332a7"],
    ["80", "000000020080"],
    ["000080", "000000020080"],
    ["00007f", "000000017f"],
  ])("writes %s as %s, and reads it again without zeros", (digits, wire) => {
    const bytes = mpint(Buffer.from(digits, "hex"));
    expect(bytes.toString("hex")).toBe(wire);
    expect(new WireReader(bytes).mpint().toString("hex")).toBe(digits.replace(/^(?:00)+/, ""));
  });

  it.each(["0000000180", "00000002007f", "0000000100", "000000020000"])("refuses %s", (wire) => {
    const reader = new WireReader(Buffer.from(wire, "hex"));
    expect(() => reader.mpint()).toThrow("negative or has superfluous zeros");
  });
});

describe("WireReader", () => {
  it("reads what was written", () => {
    const reader = new WireReader(Buffer.concat([uint32(7), string("grün"), string(Buffer.of(1, 2))]));
    expect(reader.uint32()).toBe(7);
    expect(reader.text()).toBe("grün");
    expect(reader.string()).toEqual(Buffer.of(1, 2));
    expect(() => reader.end()).not.toThrow();
  });

  it.each(["000000", "00000002ff", "ffffffff00"])("does not read beyond the end of %s", (wire) => {
    expect(() => new WireReader(Buffer.from(wire, "hex")).string()).toThrow("cut off");
  });

  it("finds what is left over", () => {
    expect(() => new WireReader(Buffer.of(1)).end()).toThrow("more data");
  });
});
