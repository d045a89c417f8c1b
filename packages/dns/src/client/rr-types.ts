import { DnsError } from "./dns-error.ts";
import {
  type Field,
  hexRest,
  ipv4,
  ipv6,
  name,
  parseHex,
  text,
  textRest,
  texts,
  u16,
  u32,
  u8,
  word,
} from "./fields.ts";
import { loc } from "./loc.ts";
import type { Name } from "./name.ts";
import { serviceParameters } from "./service-parameters.ts";
import { quote, Tokens } from "./tokens.ts";
import { Reader, Writer } from "./wire.ts";

interface RrType {
  number: number;
  fields: readonly Field[];
}

const digest = [u16("the key tag"), u8("the algorithm"), u8("the digest type"), hexRest("the digest")];
const service = [u16("the priority"), name("the target"), serviceParameters];

const TYPES: Record<string, RrType> = {
  A: { number: 1, fields: [ipv4] },
  NS: { number: 2, fields: [name("the name server")] },
  CNAME: { number: 5, fields: [name("the target")] },
  SOA: {
    number: 6,
    fields: [
      name("the primary name server"),
      name("the mailbox"),
      ...["serial", "refresh", "retry", "expire", "minimum"].map((what) => u32(`the ${what}`)),
    ],
  },
  PTR: { number: 12, fields: [name("the target")] },
  MX: { number: 15, fields: [u16("the preference"), name("the mail server")] },
  TXT: { number: 16, fields: [texts] },
  AAAA: { number: 28, fields: [ipv6] },
  LOC: { number: 29, fields: [loc] },
  SRV: { number: 33, fields: [u16("the priority"), u16("the weight"), u16("the port"), name("the target")] },
  NAPTR: {
    number: 35,
    fields: [
      u16("the order"),
      u16("the preference"),
      text("the flags"),
      text("the services"),
      text("the regular expression"),
      name("the replacement"),
    ],
  },
  DNAME: { number: 39, fields: [name("the target")] },
  DS: { number: 43, fields: digest },
  SSHFP: {
    number: 44,
    fields: [u8("the algorithm"), u8("the fingerprint type"), hexRest("the fingerprint")],
  },
  TLSA: {
    number: 52,
    fields: [u8("the usage"), u8("the selector"), u8("the matching type"), hexRest("the association data")],
  },
  CDS: { number: 59, fields: digest },
  SVCB: { number: 64, fields: service },
  HTTPS: { number: 65, fields: service },
  CAA: { number: 257, fields: [u8("the flags"), word("the tag"), textRest("the value")] },
};

const NAMES = new Map(Object.entries(TYPES).map(([type, { number }]) => [number, type]));

/** Types that stand for a question or for the protocol itself: no record has them. */
const META = new Set([0, 41, ...Array.from({ length: 128 }, (_, index) => 128 + index)]);
const CLASS_OR_TYPE = /^TYPE(\d{1,5})$/;

export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  AAAA: 28,
  OPT: 41,
  TSIG: 250,
  AXFR: 252,
  ANY: 255,
} as const;

export const KNOWN_TYPES = Object.keys(TYPES);

/** The number of a type by its mnemonic or as `TYPE65280` (RFC 3597); `undefined` when it is none. */
export function typeNumber(type: string): number | undefined {
  const known = Object.hasOwn(TYPES, type) ? TYPES[type]!.number : undefined;
  if (known !== undefined) return known;
  const number = Number(CLASS_OR_TYPE.exec(type)?.[1] ?? Number.NaN);
  return number <= 0xffff && !META.has(number) ? number : undefined;
}

export function typeName(number: number): string {
  return NAMES.get(number) ?? `TYPE${number}`;
}

/** Reads a value in presentation format and writes it as the data of a record. */
export function encodeValue(type: string, value: string, origin: Name = "."): Buffer {
  const tokens = new Tokens(type === "TXT" ? quoteText(value) : value);
  const writer = new Writer(64);
  if (tokens.peek() === "\\#") {
    writeUnknown(tokens, writer);
    decodeValue(type, writer.finish());
  } else {
    const fields = TYPES[type]?.fields;
    if (fields === undefined) throw new DnsError(`the value must be of the form \\# LENGTH HEX (RFC 3597)`);
    for (const field of fields) field.write(tokens, writer, origin);
    tokens.end();
  }
  return writer.finish();
}

/** The data of a record in presentation format, always the same for the same data. */
export function decodeValue(type: string, data: Buffer): string {
  return readValue(type, new Reader(data));
}

/** The same from within a message, where names may point before it. */
export function readValue(type: string, reader: Reader): string {
  const fields = TYPES[type]?.fields;
  if (fields === undefined) return formatUnknown(reader.rest());
  const value = fields.map((field) => field.read(reader)).filter((part) => part !== "");
  if (!reader.isAtEnd) throw new DnsError(`the data of ${type} is too long`);
  return value.join(" ");
}

/** A value as {@link decodeValue} would show it: two values are the same when these strings are. */
export function canonicalValue(type: string, value: string, origin: Name = "."): string {
  return decodeValue(type, encodeValue(type, value, origin));
}

/** A text that does not begin with a quote is taken as it is: what it holds needs no escapes. */
function quoteText(value: string): string {
  const isPresentation = /^\s*(".*"\s*|\\# \d+.*)$/s.test(value);
  return isPresentation ? value : quote(Buffer.from(value, "utf8"));
}

function writeUnknown(tokens: Tokens, writer: Writer): void {
  tokens.next("\\#");
  const length = tokens.next("the length");
  const hex = tokens.rest().join("");
  const bytes = hex === "" ? Buffer.alloc(0) : parseHex(hex, "the data");
  if (String(bytes.length) !== length)
    throw new DnsError(`the data has ${bytes.length} bytes, not ${length}`);
  writer.bytes(bytes);
}

function formatUnknown(bytes: Buffer): string {
  return `\\# ${bytes.length}${bytes.length === 0 ? "" : ` ${bytes.toString("hex")}`}`;
}
