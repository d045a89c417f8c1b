import { describe, expect, it } from "@jest/globals";
import { LineTail } from "./line-tail.ts";

describe("LineTail", () => {
  it("splits lines across chunks, also within a character", () => {
    const lines: string[] = [];
    const tail = new LineTail((line) => lines.push(line) > 0);
    for (const byte of Buffer.from("ä\nbc\nrest")) tail.push(Uint8Array.of(byte));
    expect(lines).toEqual(["ä", "bc"]);
    expect(tail.end()).toBe("ä\nbc\nrest");
  });

  it("keeps the last lines only, and none that is not accepted", () => {
    const tail = new LineTail((line) => line !== "30");
    for (let number = 1; number <= 30; number += 1) tail.push(Buffer.from(`${number}\n`));
    expect(tail.end().split("\n")).toEqual(Array.from({ length: 20 }, (_, index) => String(index + 10)));
  });

  it("does not collect a line without end", () => {
    let longest = 0;
    const tail = new LineTail((line) => (longest = Math.max(longest, line.length)) > 0);
    for (let chunk = 0; chunk < 100; chunk += 1) tail.push(Buffer.alloc(10_000, 97));
    expect(tail.end().length).toBe(2_000);
    expect(longest).toBe(64 * 1024);
  });
});
