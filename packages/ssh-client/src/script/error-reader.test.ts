import { describe, expect, it } from "@jest/globals";
import { ErrorReader } from "./error-reader.ts";

function read(text: string, { joined = false, pieces = [text.length] } = {}) {
  const lines: string[] = [];
  const reader = new ErrorReader({ mark: "MARK", secret: "SECRET" }, (line) => lines.push(line));
  if (joined) reader.begin();
  let from = 0;
  for (const to of [...pieces, text.length]) {
    reader.push(Buffer.from(text.slice(from, to)));
    from = to;
  }
  return { lines, tail: reader.end(), said: reader.said, ended: reader.ended };
}

describe("ErrorReader", () => {
  const whole = "Welcome\nMARK\nfirst\nMARK\nlast\nSECRET\nMARK\nagain\n";

  it("takes only what is between the marks, wherever the pieces end", () => {
    for (let at = 0; at <= whole.length; at++) {
      expect({ at, ...read(whole, { pieces: [at] }) }).toEqual({
        at,
        lines: ["first", "MARK", "last"],
        tail: "first\nMARK\nlast",
        said: "Welcome",
        ended: true,
      });
    }
  });

  it.each([
    ["nothing of ours", "Welcome\n", { lines: [], said: "Welcome", ended: false }],
    ["no end", "MARK\nfirst\n", { lines: ["first"], said: "", ended: false }],
    [
      "text before a mark in its line",
      "Welcome MARK\nfirst\nlastSECRET\n",
      { lines: ["first"], ended: true },
    ],
    ["the end before the begin", "SECRET\nMARK\nfirst\n", { lines: ["first"], said: "SECRET", ended: false }],
  ])("knows %s", (_, text, expected) => expect(read(text)).toMatchObject(expected));

  it("takes all after begin, without a mark", () => {
    expect(read("first\nSECRET\nlast\n", { joined: true })).toMatchObject({
      lines: ["first"],
      said: "",
      ended: true,
    });
  });

  it("keeps 20 lines of what the host says before", () => {
    const { said } = read(Array.from({ length: 100 }, (_, n) => `line ${n}\n`).join(""));
    expect(said.split("\n")).toHaveLength(20);
    expect(said.endsWith("line 19")).toBe(true);
  });
});
