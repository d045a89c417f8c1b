// The data types of the SSH protocol: RFC 4251 section 5.

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Encodes a string: its length and its bytes. */
export function string(value: string | Uint8Array): Buffer {
  const bytes = typeof value === "string" ? Buffer.from(value, "utf8") : value;
  return Buffer.concat([uint32(bytes.length), bytes]);
}

/** Encodes a number that is not negative from its big-endian bytes, which may have leading zeros. */
export function mpint(unsigned: Uint8Array): Buffer {
  const first = unsigned.findIndex((byte) => byte !== 0);
  if (first === -1) return uint32(0);
  const digits = unsigned.subarray(first);
  // The highest bit is the sign.
  return string(digits[0]! >= 0x80 ? Buffer.concat([Buffer.of(0), digits]) : digits);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Reads values from the start of some bytes. Its errors do not quote the bytes. */
export class WireReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get offset(): number {
    return this.#offset;
  }

  uint32(): number {
    return this.take(4).readUInt32BE();
  }

  string(): Buffer {
    return this.take(this.uint32());
  }

  text(): string {
    return this.string().toString("utf8");
  }

  /** Reads a number that must not be negative. Returns big-endian bytes without leading zeros. */
  mpint(): Buffer {
    const bytes = this.string();
    const padded = bytes[0] === 0;
    if (padded ? (bytes[1] ?? 0) < 0x80 : (bytes[0] ?? 0) >= 0x80) {
      throw new Error("it has a number that is negative or has superfluous zeros");
    }
    return padded ? bytes.subarray(1) : bytes;
  }

  take(length: number): Buffer {
    const end = this.#offset + length;
    if (end > this.#bytes.length) throw new Error("it is cut off");
    const bytes = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    return bytes;
  }

  rest(): Buffer {
    return this.take(this.#bytes.length - this.#offset);
  }

  end(): void {
    if (this.#offset !== this.#bytes.length) throw new Error("it has more data than belongs to it");
  }
}
