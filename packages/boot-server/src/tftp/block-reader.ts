import { encodeData } from "./packet.ts";
import { encodeNetascii } from "./netascii.ts";

/** A file being served. */
export interface OpenFile {
  /** In bytes. */
  size: number;
  /**
   * The bytes from `offset` on: about `length` of them, fewer or more at will, but at least one before the end of the
   * file. What is in memory anyway is best given whole.
   */
  read(offset: number, length: number): Promise<Buffer>;
  close(): Promise<void>;
}

export type TransferMode = "octet" | "netascii";

const READ_BYTES = 64 * 1024;

/** Cuts a file into blocks and keeps those near the window in memory: no more than the blocks asked for and one read. */
export class BlockReader {
  #file: OpenFile;
  #mode: TransferMode;
  #blockSize: number;
  /** Bytes from the start of the block `#firstBlock` on. */
  #buffered: Buffer = Buffer.alloc(0);
  #firstBlock = 1;
  #offset = 0;

  constructor(file: OpenFile, mode: TransferMode, blockSize: number) {
    this.#file = file;
    this.#mode = mode;
    this.#blockSize = blockSize;
  }

  /** The number of the last block, which is the only one shorter than the others; `undefined` until it was read. */
  get last(): number | undefined {
    if (this.#offset < this.#file.size) return undefined;
    return this.#firstBlock + Math.floor(this.#buffered.length / this.#blockSize);
  }

  /** Whether a block is in memory. */
  has(number: number): boolean {
    const start = (number - this.#firstBlock) * this.#blockSize;
    return start >= 0 && (start + this.#blockSize <= this.#buffered.length || number === this.last);
  }

  /** A block that is in memory, as a packet. */
  packet(number: number): Buffer {
    const start = (number - this.#firstBlock) * this.#blockSize;
    const end = Math.min(start + this.#blockSize, this.#buffered.length);
    return encodeData(number, this.#buffered, start, end);
  }

  /** Brings the blocks `from` to `to` (or the last one) into memory and forgets those before `from`. */
  async load(from: number, to: number): Promise<void> {
    const rest = this.#buffered.subarray((from - this.#firstBlock) * this.#blockSize);
    const kept = rest.length === 0 ? [] : [rest];
    const wanted = (to - from + 1) * this.#blockSize;
    let length = rest.length;
    let offset = this.#offset;
    while (length < wanted && offset < this.#file.size) {
      const read = await this.#file.read(offset, Math.min(READ_BYTES, this.#file.size - offset));
      if (read.length === 0) throw new Error("the file is shorter than it was when it was opened");
      const isText = this.#mode === "netascii";
      // Encoded text is a copy, up to twice as long.
      const bytes = isText ? read.subarray(0, READ_BYTES) : read;
      offset += bytes.length;
      const encoded = isText ? encodeNetascii(bytes) : bytes;
      kept.push(encoded);
      length += encoded.length;
    }
    // Not copied when it came in one piece.
    this.#buffered = kept.length === 1 ? kept[0]! : Buffer.concat(kept);
    this.#firstBlock = from;
    this.#offset = offset;
  }
}
