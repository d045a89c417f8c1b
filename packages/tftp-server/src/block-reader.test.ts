import { describe, expect, it } from "@jest/globals";
import { BlockReader, type TransferMode } from "./block-reader.ts";
import { DATA_HEADER_BYTES } from "./packet.ts";
import { encodeNetascii } from "./netascii.ts";

/** Reads all blocks, `window` at a time, from a file that returns at most `step` bytes for each read. */
async function blocks(content: Buffer, mode: TransferMode, size: number, step: number, window: number) {
  const file = {
    size: content.length,
    read: async (offset: number, length: number) => content.subarray(offset, offset + Math.min(step, length)),
    close: async () => {},
  };
  const reader = new BlockReader(file, mode, size);
  const result: Buffer[] = [];
  for (let from = 1; reader.last === undefined || from <= reader.last; from += window) {
    await reader.load(from, from + window - 1);
    for (let number = from; number < from + window; number++) {
      if (reader.has(number)) result.push(reader.packet(number).subarray(DATA_HEADER_BYTES));
    }
  }
  return result;
}

describe("BlockReader", () => {
  it.each([0, 1, 511, 512, 513, 1024, 200_000])(
    "cuts %i bytes into blocks, the last one short",
    async (length) => {
      const content = Buffer.alloc(length, "0123456789");
      const cut = await blocks(content, "octet", 512, 100_000, 3);
      expect(Buffer.concat(cut).equals(content)).toBe(true);
      expect(cut.length).toBe(Math.floor(length / 512) + 1);
      expect(cut.slice(0, -1).every((block) => block.length === 512)).toBe(true);
    },
  );

  it("encodes netascii across reads and blocks", async () => {
    const content = Buffer.from("a\r\nb\rc\n\n\r\r\n".repeat(50));
    const cut = await blocks(content, "netascii", 16, 7, 2);
    const text = content.toString().replaceAll(/[\r\n]/g, (end) => (end === "\n" ? "\r\n" : "\r\0"));
    expect(Buffer.concat(cut).toString()).toBe(text);
    expect(encodeNetascii(content).toString()).toBe(text);
  });

  it("knows the last block only once the file was read, and reads no more than it needs", async () => {
    const reads: number[] = [];
    const read = async (offset: number) => {
      reads.push(offset);
      return Buffer.alloc(1024);
    };
    const reader = new BlockReader({ size: 4096, read, close: async () => {} }, "octet", 512);
    await reader.load(1, 2);
    expect(reads).toEqual([0]);
    expect([reader.last, reader.has(2), reader.has(3)]).toEqual([undefined, true, false]);
    await reader.load(2, 9);
    expect(reads).toEqual([0, 1024, 2048, 3072]);
    expect([reader.last, reader.has(1), reader.has(9), reader.has(10)]).toEqual([9, false, true, false]);
    expect(reader.packet(9).length).toBe(DATA_HEADER_BYTES);
  });

  it("fails when the file has become shorter", async () => {
    const file = { size: 10, read: async () => Buffer.alloc(0), close: async () => {} };
    await expect(new BlockReader(file, "octet", 512).load(1, 1)).rejects.toThrow("shorter");
  });
});
