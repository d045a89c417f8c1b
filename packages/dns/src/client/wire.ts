import { DnsError } from "./dns-error.ts";
import { checkSize, formatLabels, type Name, takeLabel } from "./name.ts";

/** Compression pointers have 14 bits. */
const MAX_POINTER = 0x3fff;
/** A name has at most 127 labels, so that a longer chain of pointers is an attack. */
const MAX_POINTERS = 127;

/** Writes the wire format. */
export class Writer {
  #bytes: Buffer;
  #length = 0;
  /** Where a name was written. */
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
    for (let rest = name; rest !== ".";) {
      if (compress && this.#point(rest)) return;
      const { label, after } = takeLabel(rest);
      this.u8(label.length);
      const at = this.#grow(label.length);
      this.#bytes.write(label, at, "latin1");
      rest = after;
    }
    this.u8(0);
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Points to where the same name was written, or notes that it is written here. */
  #point(name: Name): boolean {
    const seen = this.#names.get(name);
    if (seen !== undefined) this.u16(0xc000 | seen);
    else if (this.#length <= MAX_POINTER) this.#names.set(name, this.#length);
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

/** A name with its size on the wire. */
interface SizedName {
  name: Name;
  size: number;
}

const ROOT: SizedName = { name: ".", size: 1 };

/** Reads the wire format. Trusts nothing in it. */
export class Reader {
  readonly message: Buffer;
  position: number;
  readonly end: number;
  /** The names that pointers of this message point to, by position. */
  readonly #pointed: Map<number, SizedName>;

  constructor(message: Buffer, position = 0, end = message.length, pointed = new Map<number, SizedName>()) {
    this.message = message;
    this.position = position;
    this.end = end;
    this.#pointed = pointed;
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

  /** Returns a reader for the next bytes, which cannot read beyond them. Names in it may point before it. */
  part(count: number): Reader {
    const at = this.#take(count);
    return new Reader(this.message, at, at + count, this.#pointed);
  }

  name(): Name {
    return this.#name(0).name;
  }

  #name(pointers: number): SizedName {
    const start = this.position;
    const labels: string[] = [];
    for (let length = this.u8(); length !== 0; length = this.u8()) {
      if (length >= 0xc0) {
        const target = ((length & 0x3f) << 8) | this.u8();
        return append(labels, this.#follow(target, start, pointers + 1));
      }
      if (length > 63) throw new DnsError("a label has an unknown type");
      labels.push(lowerCaseLatin(this.bytes(length)));
    }
    return append(labels, ROOT);
  }

  /** The name at `target`, before the part of a name that begins at `start` and ends with a pointer. */
  #follow(target: number, start: number, pointers: number): SizedName {
    if (target >= start) throw new DnsError("a compression pointer does not point backwards");
    if (pointers > MAX_POINTERS) throw new DnsError("a name has too many compression pointers");
    const known = this.#pointed.get(target);
    if (known !== undefined) return known;
    const name = new Reader(this.message, target, start, this.#pointed).#name(pointers);
    this.#pointed.set(target, name);
    return name;
  }

  #take(count: number): number {
    const at = this.position;
    if (count < 0 || at + count > this.end) throw new DnsError("the message ends too early");
    this.position = at + count;
    return at;
  }
}

function append(labels: readonly string[], parent: SizedName): SizedName {
  if (labels.length === 0) return parent;
  const size = labels.reduce((sum, label) => sum + label.length + 1, parent.size);
  checkSize(size);
  return { name: `${formatLabels(labels)}${parent === ROOT ? "" : parent.name}`, size };
}

function lowerCaseLatin(bytes: Buffer): string {
  return bytes.toString("latin1").replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
