import { describe, expect, it } from "@jest/globals";
import { chunksOf } from "./chunks.ts";

describe("chunksOf", () => {
  const sizes = async (lengths: number[], size: number) => {
    const bytes = Buffer.from(Array.from({ length: lengths.reduce((a, b) => a + b, 0) }, (_, i) => i));
    let offset = 0;
    const pieces = lengths.map((length) => bytes.subarray(offset, (offset += length)));
    const chunks: Uint8Array[] = [];
    for await (const chunk of chunksOf(stream(pieces), size)) chunks.push(chunk);
    expect(Buffer.concat(chunks)).toEqual(bytes);
    return chunks.map((chunk) => chunk.length);
  };

  it("joins small pieces and splits large ones", async () => {
    expect(await sizes([1, 1, 1, 1, 1], 2)).toEqual([2, 2, 1]);
    expect(await sizes([7], 3)).toEqual([3, 3, 1]);
    expect(await sizes([2, 5, 2], 3)).toEqual([3, 3, 3]);
    expect(await sizes([0, 3, 0], 3)).toEqual([3]);
    expect(await sizes([], 3)).toEqual([]);
  });
});

async function* stream(pieces: Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* pieces;
}
