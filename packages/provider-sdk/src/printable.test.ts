import { describe, expect, it } from "@jest/globals";
import { printable } from "./printable.ts";

describe("printable", () => {
  it.each([
    ["plain text\twith lines\nand ä€😀", "plain text\twith lines\nand ä€😀"],
    ["\u001b]0;OWNED\u0007\u001b[2J", "\\x1b]0;OWNED\\x07\\x1b[2J"],
    ["\u009b31m", "\\x9b31m"],
    ["over\rwritten", "over\\x0dwritten"],
    ["from Windows\r\n", "from Windows\n"],
    ["\u202eright to left", "\\u202eright to left"],
    ["\u2028", "\\u2028"],
    ["\u009f\u00ff\u061c", "\\x9f\u00ff\\u061c"],
    ["\0\u007f\b", "\\x00\\x7f\\x08"],
  ])("makes %j %j", (text, expected) => {
    expect(printable(text)).toBe(expected);
    expect(printable(printable(text))).toBe(expected);
  });

  it("leaves colours, where wanted, and no other sequence", () => {
    const text = "\u001b[1;31mred\u001b[0m \u001b[2K\u001b[8m\u001b[31";
    expect(printable(text, { colours: true })).toBe("\u001b[1;31mred\u001b[0m \\x1b[2K\\x1b[8m\\x1b[31");
    expect(printable(text)).not.toContain("\u001b");
  });
});
