import { encodeData } from "./packet.ts";
import { encodeNetascii } from "./netascii.ts";

/** A file that the server sends. */
export interface OpenFile {
  /** In bytes. */
  size: number;
  /**
   * Returns bytes from `offset` on. `length` is a hint: fewer or more are allowed, but at least one before the end of the
   * file. A file that is in memory is best returned whole.
   */
  read(offset: number, length: number): Promise<Buffer>;
  close(): Promise<void>;
}

export type TransferMode = "octet" | "netascii";

const READ_BYTES = 64 * 1024;

/** Cuts a file into blocks. Keeps the requested blocks in memory, and at most one read more. */
export class BlockReader {
  #file: OpenFile;
  #mode: TransferMode;
  #blockSize: number;
  /** Starts with the block `#firstBlock`. */
  #buffered: Buffer = Buffer.alloc(0);
  #firstBlock = 1;
  #offset = 0;

  constructor(file: OpenFile, mode: TransferMode, blockSize: number) {
    this.#file = file;
    this.#mode = mode;
    this.#blockSize = blockSize;
  }

  /** The number of the last block, which is the only short one. `undefined` until it has been read. */
  get last(): number | undefined {
    if (this.#offset < this.#file.size) return undefined;
    return this.#firstBlock + Math.floor(this.#buffered.length / this.#blockSize);
  }

  /** Whether a block is in memory. */
  has(number: number): boolean {
    const start = (number - this.#firstBlock) * this.#blockSize;
    return start >= 0 && (start + this.#blockSize <= this.#buffered.length || number === this.last);
  }

  /** Returns a block that is in memory as a DATA packet. */
  packet(number: number): Buffer {
    const start = (number - this.#firstBlock) * this.#blockSize;
    const end = Math.min(start + this.#blockSize, this.#buffered.length);
    return encodeData(number, this.#buffered, start, end);
  }

  /** Loads the blocks `from` to `to` (or the last one) and drops those before `from`. Fails if the file has been shortened. */
  async load(from: number, to: number): Promise<void> {
    const rest = this.#buffered.subarray((from - this.#firstBlock) * this.#blockSize);
    const kept = rest.length === 0 ? [] : [rest];
    const wanted = (to - from + 1) * this.#blockSize;
    let length = rest.length;
    let offset = this.#offset;
    while (length < wanted && offset < this.#file.size) {
      const read = await this.#file.read(offset, Math.min(READ_BYTES, this.#file.size - offset));
      if (read.length === 0) throw new Error("the file has become shorter since it was opened");
      const isText = this.#mode === "netascii";
      // Encoding copies the text and can double its length.
      const bytes = isText ? read.subarray(0, READ_BYTES) : read;
      offset += bytes.length;
      const encoded = isText ? encodeNetascii(bytes) : bytes;
      kept.push(encoded);
      length += encoded.length;
    }
    // A single piece needs no copy.
    this.#buffered = kept.length === 1 ? kept[0]! : Buffer.concat(kept);
    this.#firstBlock = from;
    this.#offset = offset;
  }
}
