import { isIP } from "node:net";
import { DnsError } from "./dns-error.ts";
import { type Name, parseName } from "./name.ts";
import { quote, tokenBytes, type Tokens } from "./tokens.ts";
import type { Reader, Writer } from "./wire.ts";

/** One field of a record's data: from presentation format to the wire, and back. */
export interface Field {
  write(tokens: Tokens, writer: Writer, origin: Name): void;
  read(reader: Reader): string;
}

function integer(
  what: string,
  max: number,
  write: (writer: Writer, value: number) => void,
): Omit<Field, "read"> {
  return {
    write: (tokens, writer) => {
      const token = tokens.next(what);
      const value = Number(token);
      if (!/^\d{1,10}$/.test(token) || value > max) {
        throw new DnsError(`${what} must be a number from 0 to ${max}, is ${JSON.stringify(token)}`);
      }
      write(writer, value);
    },
  };
}

export const u8 = (what: string): Field => ({
  ...integer(what, 0xff, (writer, value) => writer.u8(value)),
  read: (reader) => String(reader.u8()),
});

export const u16 = (what: string): Field => ({
  ...integer(what, 0xffff, (writer, value) => writer.u16(value)),
  read: (reader) => String(reader.u16()),
});

export const u32 = (what: string): Field => ({
  ...integer(what, 0xffffffff, (writer, value) => writer.u32(value)),
  read: (reader) => String(reader.u32()),
});

export const name = (what: string): Field => ({
  write: (tokens, writer, origin) => writer.name(parseName(tokens.next(what), origin)),
  read: (reader) => reader.name(),
});

/** Bytes up to the end, in hexadecimal. */
export const hexRest = (what: string): Field => ({
  write: (tokens, writer) => writer.bytes(parseHex(tokens.rest().join(""), what)),
  read: (reader) => {
    if (reader.isAtEnd) throw new DnsError(`${what} is empty`);
    return reader.rest().toString("hex");
  },
});

/** A character string of at most 255 bytes. */
export const text = (what: string): Field => ({
  write: (tokens, writer) => writer.shortBytes(tokenBytes(tokens.next(what))),
  read: (reader) => quote(reader.shortBytes()),
});

/** A word of letters and digits, such as the tag of CAA. */
export const word = (what: string): Field => ({
  write: (tokens, writer) => writer.shortBytes(checkWord(tokenBytes(tokens.next(what)), what)),
  read: (reader) => checkWord(reader.shortBytes(), what).toString("latin1"),
});

/** A character string up to the end, without a length. */
export const textRest = (what: string): Field => ({
  write: (tokens, writer) => writer.bytes(tokenBytes(tokens.next(what))),
  read: (reader) => quote(reader.rest()),
});

/** One or more character strings; longer ones are split. */
export const texts: Field = {
  write: (tokens, writer) => {
    for (const token of [tokens.next("the text"), ...tokens.rest()]) {
      for (const piece of splitText(tokenBytes(token))) writer.shortBytes(piece);
    }
  },
  read: (reader) => {
    const strings: string[] = [];
    do strings.push(quote(reader.shortBytes()));
    while (!reader.isAtEnd);
    return strings.join(" ");
  },
};

export const ipv4: Field = {
  write: (tokens, writer) => writer.bytes(parseIpv4(tokens.next("the IPv4 address"))),
  read: (reader) => `${reader.u8()}.${reader.u8()}.${reader.u8()}.${reader.u8()}`,
};

export const ipv6: Field = {
  write: (tokens, writer) => writer.bytes(parseIpv6(tokens.next("the IPv6 address"))),
  read: (reader) => formatIpv6(reader.bytes(16)),
};

const PIECE = 255;

function splitText(bytes: Buffer): Buffer[] {
  const count = Math.max(1, Math.ceil(bytes.length / PIECE));
  return Array.from({ length: count }, (_, index) => bytes.subarray(index * PIECE, (index + 1) * PIECE));
}

function checkWord(bytes: Buffer, what: string): Buffer {
  if (!/^[A-Za-z0-9]+$/.test(bytes.toString("latin1")))
    throw new DnsError(`${what} must be letters and digits`);
  return bytes;
}

export function parseHex(hex: string, what: string): Buffer {
  if (!/^([0-9a-fA-F]{2})+$/.test(hex)) throw new DnsError(`${what} must be bytes in hexadecimal`);
  return Buffer.from(hex, "hex");
}

export function parseBase64(text: string, what: string): Buffer {
  const bytes = Buffer.from(text, "base64");
  if (text === "" || bytes.toString("base64") !== text) throw new DnsError(`${what} must be base64`);
  return bytes;
}

export function parseAddress(address: string): Buffer {
  return isIP(address) === 4 ? parseIpv4(address) : parseIpv6(address);
}

export function parseIpv4(address: string): Buffer {
  if (isIP(address) !== 4) throw new DnsError(`${JSON.stringify(address)} is not an IPv4 address`);
  return Buffer.from(address.split(".").map(Number));
}

export function parseIpv6(address: string): Buffer {
  if (isIP(address) !== 6 || address.includes("%")) {
    throw new DnsError(`${JSON.stringify(address)} is not an IPv6 address`);
  }
  const [head = "", tail] = address.replace(/[\d.]+$/, embeddedToHex).split("::");
  const before = groupsOf(head);
  const after = groupsOf(tail ?? "");
  const gap = Array.from({ length: 8 - before.length - after.length }, () => 0);
  const bytes = Buffer.alloc(16);
  [...before, ...gap, ...after].forEach((group, index) => bytes.writeUInt16BE(group, index * 2));
  return bytes;
}

function embeddedToHex(tail: string): string {
  if (!tail.includes(".")) return tail;
  const bytes = parseIpv4(tail);
  return `${bytes.readUInt16BE(0).toString(16)}:${bytes.readUInt16BE(2).toString(16)}`;
}

function groupsOf(text: string): number[] {
  return text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
}

/** As RFC 5952 says: the longest run of zeros, of at least two groups, as `::`. */
export function formatIpv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((bytes[index * 2]! << 8) | bytes[index * 2 + 1]!).toString(16),
  );
  const joined = groups.join(":");
  const runs = [...joined.matchAll(/\b0(:0)+\b/g)].toSorted((a, b) => b[0].length - a[0].length);
  const longest = runs[0];
  if (longest === undefined) return joined;
  const before = joined.slice(0, longest.index).replace(/:$/, "");
  const after = joined.slice(longest.index + longest[0].length).replace(/^:/, "");
  return `${before}::${after}`;
}
