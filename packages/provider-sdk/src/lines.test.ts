import { describe, expect, it } from "@jest/globals";
import { readLines } from "./lines.ts";

function linesOf(chunks: string[], maxBytes?: number) {
  const queue = chunks.map((chunk) => Buffer.from(chunk));
  const read = (buffer: Buffer) => queue.shift()?.copy(buffer) ?? 0;
  return [...readLines(read, maxBytes)];
}

describe("readLines", () => {
  it("joins chunks and splits lines, blank ones and a missing final newline included", () => {
    expect(linesOf(["one\ntw", "o\n\n  \nth", "ree"])).toEqual([
      { text: "one" },
      { text: "two" },
      { text: "three" },
    ]);
  });

  it("keeps characters whole that a chunk boundary cuts", () => {
    const bytes = Buffer.from("grüße\n");
    const queue = [bytes.subarray(0, 3), bytes.subarray(3)];
    const read = (buffer: Buffer) => queue.shift()?.copy(buffer) ?? 0;
    expect([...readLines(read)]).toEqual([{ text: "grüße" }]);
  });

  it("drops a line that is too long and goes on with the next", () => {
    expect(linesOf(["12345", "67890", "1\nok\n", "1234567890\n"], 10)).toEqual([
      { tooLongBytes: 11 },
      { text: "ok" },
      { text: "1234567890" },
    ]);
  });
});
