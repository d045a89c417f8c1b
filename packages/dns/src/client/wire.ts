import { DnsError } from "./dns-error.ts";
import { checkSize, formatLabels, isWithin, type Name, relativeTo, takeLabel } from "./name.ts";

/** Where the zone of an UPDATE begins: after the header. */
const ZONE_POINTER = 0xc000 | 12;
const DOT = 0x2e;
/** A name has at most 127 labels, so that a longer chain of pointers is an attack. */
const MAX_POINTERS = 127;

/** Writes the wire format. */
export class Writer {
  #bytes: Buffer;
  #length = 0;

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

  name(name: Name): void {
    if (name !== ".") this.#labels(name.slice(0, -1));
    this.u8(0);
  }

  /** Writes a name of an UPDATE of `zone`: its end is a pointer to the zone section. */
  nameIn(zone: Name, name: Name): void {
    if (!isWithin(name, zone)) return this.name(name);
    if (name !== zone) this.#labels(relativeTo(name, zone));
    this.u16(ZONE_POINTER);
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #labels(text: string): void {
    if (text.includes("\\")) return this.#escapedLabels(text);
    const start = this.#grow(text.length + 1);
    this.#bytes.write(text, start + 1, "latin1");
    let length = 0;
    // The length of each label takes the place of the dot before it.
    for (let at = start + text.length; at >= start; at--) {
      if (at > start && this.#bytes[at] !== DOT) length += 1;
      else [this.#bytes[at], length] = [length, 0];
    }
  }

  #escapedLabels(text: string): void {
    for (let rest = `${text}.`; rest !== ".";) {
      const { label, after } = takeLabel(rest);
      this.shortBytes(Buffer.from(label, "latin1"));
      rest = after;
    }
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

  /** Each byte one character. */
  #text(count: number): string {
    const at = this.#take(count);
    return this.message.toString("latin1", at, at + count);
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
      labels.push(lowerCase(this.#text(length)));
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

function lowerCase(text: string): string {
  return /[A-Z]/.test(text) ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text;
}
