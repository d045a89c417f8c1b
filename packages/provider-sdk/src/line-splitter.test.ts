import { describe, expect, it } from "@jest/globals";
import { LineSplitter } from "./line-splitter.ts";

/** Returns each line as its whole length and what is kept of it, and the rest. */
function split(maxBytes: number, chunks: string[]) {
  const splitter = new LineSplitter(maxBytes);
  const plain = (line: { bytes: number; content: Buffer }) => [line.bytes, line.content.toString()];
  const lines = chunks.flatMap((chunk) => [...splitter.push(Buffer.from(chunk))].map(plain));
  const rest = splitter.end();
  return { lines, rest: rest && plain(rest) };
}

describe("LineSplitter", () => {
  it.each([
    ["no line", [], [], undefined],
    ["a line", ["a\n"], [[1, "a"]], undefined],
    ["an empty line", ["\n"], [[0, ""]], undefined],
    [
      "lines of one chunk",
      ["a\n\nbc\n"],
      [
        [1, "a"],
        [0, ""],
        [2, "bc"],
      ],
      undefined,
    ],
    ["a line of many chunks", ["a", "b", "", "c\n"], [[3, "abc"]], undefined],
    ["a line without line feed", ["a\nb"], [[1, "a"]], [1, "b"]],
    ["U+2028, which is no line feed", ["a\u2028b\n"], [[5, "a\u2028b"]], undefined],
  ])("splits %s", (_, chunks, lines, rest) => {
    expect(split(100, chunks)).toEqual({ lines, rest });
  });

  it.each([
    ["in one chunk", ["abcdef\ng\n"]],
    ["in two", ["abc", "def\ng\n"]],
    ["that ends with a chunk", ["abcd", "ef\ng\n"]],
    ["in three", ["ab", "cde", "f\ng\n"]],
  ])("keeps the first bytes of a long line %s, and counts them all", (_, chunks) => {
    expect(split(4, chunks)).toEqual({
      lines: [
        [6, "abcd"],
        [1, "g"],
      ],
      rest: undefined,
    });
  });
});
