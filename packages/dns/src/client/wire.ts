import { DnsError } from "./dns-error.ts";
import { joinLabels, labelsOf, type Name } from "./name.ts";

/** Compression pointers have 14 bits. */
const MAX_POINTER = 0x3fff;
const MAX_LABELS = 127;

/** Writes the wire format. */
export class Writer {
  #bytes: Buffer;
  #length = 0;
  /** Where a name, by its labels, was written. */
  readonly #names = new Map<string, number>();

  constructor(size = 512) {
    this.#bytes = Buffer.allocUnsafe(size);
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): void {
    const at = this.#grow(1);
    this.#bytes.writeUInt8(value, at);
  }

  u16(value: number): void {
    const at = this.#grow(2);
    this.#bytes.writeUInt16BE(value, at);
  }

  u32(value: number): void {
    const at = this.#grow(4);
    this.#bytes.writeUInt32BE(value, at);
  }

  u48(value: number): void {
    const at = this.#grow(6);
    this.#bytes.writeUIntBE(value, at, 6);
  }

  bytes(bytes: Uint8Array): void {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** At most 255 bytes after their length. */
  shortBytes(bytes: Uint8Array): void {
    if (bytes.length > 255) throw new DnsError(`a string has ${bytes.length} bytes: 255 are allowed`);
    this.u8(bytes.length);
    this.bytes(bytes);
  }

  /** Writes what `body` writes after its length in two bytes. */
  sized(body: () => void): void {
    const at = this.#grow(2);
    body();
    const size = this.#length - at - 2;
    if (size > 0xffff) throw new DnsError(`the data has ${size} bytes: 65535 are allowed`);
    this.#bytes.writeUInt16BE(size, at);
  }

  name(name: Name, { compress = false } = {}): void {
    const labels = labelsOf(name);
    for (let index = 0; index < labels.length; index++) {
      if (compress && this.#point(labels.slice(index))) return;
      this.shortBytes(Buffer.from(labels[index]!, "latin1"));
    }
    this.u8(0);
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Points to where the same labels were written, or notes that they are written here. */
  #point(labels: readonly string[]): boolean {
    const key = labels.map((label) => `${label.length}:${label}`).join("");
    const seen = this.#names.get(key);
    if (seen !== undefined) this.u16(0xc000 | seen);
    else if (this.#length <= MAX_POINTER) this.#names.set(key, this.#length);
    return seen !== undefined;
  }

  #grow(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    return at;
  }
}

/** Reads the wire format, of which nothing is trusted. */
export class Reader {
  readonly message: Buffer;
  position: number;
  readonly end: number;

  constructor(message: Buffer, position = 0, end = message.length) {
    this.message = message;
    this.position = position;
    this.end = end;
  }

  get isAtEnd(): boolean {
    return this.position >= this.end;
  }

  u8(): number {
    return this.message.readUInt8(this.#take(1));
  }

  u16(): number {
    return this.message.readUInt16BE(this.#take(2));
  }

  u32(): number {
    return this.message.readUInt32BE(this.#take(4));
  }

  u48(): number {
    return this.message.readUIntBE(this.#take(6), 6);
  }

  bytes(count: number): Buffer {
    const at = this.#take(count);
    return this.message.subarray(at, at + count);
  }

  shortBytes(): Buffer {
    return this.bytes(this.u8());
  }

  rest(): Buffer {
    return this.bytes(this.end - this.position);
  }

  /** A part of its own: what is read there cannot go beyond it, but names may point before it. */
  part(count: number): Reader {
    const at = this.#take(count);
    return new Reader(this.message, at, at + count);
  }

  name(): Name {
    const labels: string[] = [];
    const after = readLabels(this, labels);
    // Every pointer must point before the part of the name that it ends, which ends every loop.
    for (let from = after; from !== undefined && labels.length <= MAX_LABELS;) {
      from = readLabels(new Reader(this.message, from.target, from.start), labels);
    }
    if (labels.length > MAX_LABELS) throw new DnsError("a name has too many labels");
    return joinLabels(labels);
  }

  #take(count: number): number {
    const at = this.position;
    if (count < 0 || at + count > this.end) throw new DnsError("the message ends too early");
    this.position = at + count;
    return at;
  }
}

/** Reads labels up to the root, or up to a pointer, which it returns. */
function readLabels(reader: Reader, labels: string[]): { target: number; start: number } | undefined {
  const start = reader.position;
  for (let length = reader.u8(); length !== 0; length = reader.u8()) {
    if (length >= 0xc0) {
      const target = ((length & 0x3f) << 8) | reader.u8();
      if (target >= start) throw new DnsError("a compression pointer does not point backwards");
      return { target, start };
    }
    if (length > 63) throw new DnsError("a label has an unknown type");
    labels.push(lowerCaseLatin(reader.bytes(length)));
  }
  return undefined;
}

function lowerCaseLatin(bytes: Buffer): string {
  return bytes.toString("latin1").replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
