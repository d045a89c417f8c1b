import { execFileSync } from "node:child_process";
import { describe, expect, it } from "@jest/globals";
import { shellQuote } from "./shell-quote.ts";

describe("shellQuote", () => {
  it("leaves plain words as they are", () => {
    expect(shellQuote(["ls", "-l", "/etc/passwd", "a=b"])).toBe("ls -l /etc/passwd 'a=b'");
  });

  it("gives a shell exactly the arguments", () => {
    const argv = ["", " ", "it's", '"$HOME"', "`id`", "a\nb", "\\", "*", "ä€😀", "--", "!x", "~"];
    const script = `printf '%s\\0' ${shellQuote(argv)}`;
    const printed = execFileSync("sh", ["-c", script], { encoding: "utf8" });
    expect(printed.split("\0").slice(0, -1)).toEqual(argv);
  });
});
