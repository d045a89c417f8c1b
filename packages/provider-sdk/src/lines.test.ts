import { describe, expect, it } from "@jest/globals";
import { readLines, type Line } from "./lines.ts";

async function linesOf(chunks: (string | Buffer)[], maxBytes?: number) {
  const queue = chunks.map((chunk) => Buffer.from(chunk));
  const lines: Line[] = [];
  const read = async (buffer: Buffer) => queue.shift()?.copy(buffer) ?? 0;
  for await (const line of readLines(read, maxBytes)) lines.push(line);
  return lines;
}

describe("readLines", () => {
  it("joins chunks and splits lines, blank ones and a missing final newline included", async () => {
    expect(await linesOf(["one\ntw", "o\n\n  \nth", "ree"])).toEqual([
      { text: "one" },
      { text: "two" },
      { text: "three" },
    ]);
  });

  it("keeps characters whole that a chunk boundary cuts", async () => {
    const bytes = Buffer.from("grüße\n");
    expect(await linesOf([bytes.subarray(0, 3), bytes.subarray(3)])).toEqual([{ text: "grüße" }]);
  });

  it("refuses a line that is not UTF-8 and goes on with the next", async () => {
    expect(await linesOf([Buffer.from([0x22, 0xff, 0x22, 0x0a]), "ok\n"])).toEqual([
      { problem: "is not UTF-8" },
      { text: "ok" },
    ]);
  });

  it("drops a line that is too long and goes on with the next", async () => {
    expect(await linesOf(["12345", "67890", "1\nok\n", "1234567890\n"], 10)).toEqual([
      { problem: "has 11 bytes; at most 10 are accepted" },
      { text: "ok" },
      { text: "1234567890" },
    ]);
  });
});
