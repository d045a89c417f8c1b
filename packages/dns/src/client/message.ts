import { DnsError } from "./dns-error.ts";
import type { Name } from "./name.ts";
import { encodeValue, readValue, TYPE, typeName, typeNumber } from "./rr-types.ts";
import { Reader, Writer } from "./wire.ts";

export const CLASS = { IN: 1, NONE: 254, ANY: 255 } as const;
export const OPCODE = { QUERY: 0, UPDATE: 5 } as const;

const RCODES = [
  "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE",
]; // prettier-ignore

export interface ResourceRecord {
  name: Name;
  type: string;
  class: number;
  ttl: number;
  /** In presentation format; `undefined` without data, such as in prerequisites. */
  value?: string;
}

/** A message; in an UPDATE the sections are zone, prerequisites, update and additional (RFC 2136, 2). */
export interface Message {
  id: number;
  opcode: number;
  question: { name: Name; type: number; class?: number }[];
  answer?: ResourceRecord[];
  authority?: ResourceRecord[];
  additional?: ResourceRecord[];
}

export interface Response extends Required<Message> {
  isResponse: boolean;
  isAuthoritative: boolean;
  isTruncated: boolean;
  rcode: string;
  /** Where the last record of the message begins, and what it is: TSIG must be the last. */
  last: { position: number; name: Name; type: number; class: number; data: Buffer } | undefined;
}

/** The size of answers that fit everywhere without fragments (DNS flag day 2020). */
const UDP_SIZE = 1232;

/** Encodes a message; with `edns` it says which size of answers fits. */
export function encodeMessage(message: Message, { edns = false } = {}): Buffer {
  return writeMessage(message, { edns })!;
}

/** Encodes a message; `undefined` when it has more than `limit` bytes. */
export function encodeWithin(limit: number, message: Message): Buffer | undefined {
  return writeMessage(message, { limit });
}

/** `undefined` when it is longer than `limit`. */
function writeMessage(
  message: Message,
  { edns = false, limit = Number.POSITIVE_INFINITY },
): Buffer | undefined {
  const { question, answer = [], authority = [], additional = [] } = message;
  const writer = new Writer(512);
  writer.u16(message.id);
  writer.u16(message.opcode << 11);
  for (const count of [question.length, answer.length, authority.length, additional.length + Number(edns)]) {
    if (count > 0xffff) throw new DnsError("the message has too many records");
    writer.u16(count);
  }
  for (const { name, type, class: inClass = CLASS.IN } of question) {
    writer.name(name, { compress: true });
    writer.u16(type);
    writer.u16(inClass);
  }
  for (const record of [...answer, ...authority, ...additional]) {
    writeRecord(writer, record);
    if (writer.length > limit) return undefined;
  }
  if (edns) writeEdns(writer);
  return writer.finish();
}

/** What a record takes at most, without compression. */
export function maxSize({ name, type, value }: ResourceRecord): number {
  const head = name.length + 11;
  if (value === undefined) return head;
  if (type === "A") return head + 4;
  // The quotes of each string are more than its length.
  if (type === "TXT") return head + value.length;
  // Addresses in values may be shorter than their bytes.
  return head + value.length + 64 + 16 * value.split(/[,:]/).length;
}

function writeRecord(writer: Writer, record: ResourceRecord): void {
  const type = record.type === "ANY" ? TYPE.ANY : typeNumber(record.type);
  if (type === undefined) throw new DnsError(`unknown type ${record.type}`);
  writer.name(record.name, { compress: true });
  writer.u16(type);
  writer.u16(record.class);
  writer.u32(record.ttl);
  const { value } = record;
  writer.sized(() => void (value !== undefined && writer.bytes(encodeValue(record.type, value))));
}

function writeEdns(writer: Writer): void {
  writer.name(".");
  writer.u16(TYPE.OPT);
  writer.u16(UDP_SIZE);
  writer.u32(0);
  writer.u16(0);
}

/** Decodes what came from the network. Anything that is not well-formed is a {@link DnsError}. */
export function decodeMessage(bytes: Buffer): Response {
  const reader = new Reader(bytes);
  const id = reader.u16();
  const flags = reader.u16();
  const counts = [reader.u16(), reader.u16(), reader.u16(), reader.u16()];
  const question = Array.from({ length: counts[0]! }, () => ({
    name: reader.name(),
    type: reader.u16(),
    class: reader.u16(),
  }));
  const sections: ResourceRecord[][] = [];
  let last: Response["last"];
  let extendedRcode = 0;
  for (const count of counts.slice(1)) {
    const section: ResourceRecord[] = [];
    for (let index = 0; index < count; index++) {
      const { record, ...raw } = readRecord(reader);
      last = raw;
      if (raw.type === TYPE.OPT) extendedRcode = raw.ttl >>> 24;
      if (record !== undefined) section.push(record);
    }
    sections.push(section);
  }
  if (!reader.isAtEnd) throw new DnsError("the message has bytes after its last record");
  const rcode = (extendedRcode << 4) | (flags & 15);
  return {
    id,
    isResponse: (flags & 0x8000) !== 0,
    opcode: (flags >> 11) & 15,
    isAuthoritative: (flags & 0x0400) !== 0,
    isTruncated: (flags & 0x0200) !== 0,
    rcode: RCODES[rcode] ?? `RCODE${rcode}`,
    question,
    answer: sections[0]!,
    authority: sections[1]!,
    additional: sections[2]!,
    last,
  };
}

function readRecord(reader: Reader) {
  const { position } = reader;
  const name = reader.name();
  const type = reader.u16();
  const inClass = reader.u16();
  const ttl = reader.u32();
  const part = reader.part(reader.u16());
  const data = reader.message.subarray(part.position, part.end);
  const isMeta = type === TYPE.OPT || type === TYPE.TSIG;
  const record = isMeta ? undefined : toRecord({ name, type: typeName(type), class: inClass, ttl }, part);
  return { position, name, type, class: inClass, ttl, data, record };
}

function toRecord(record: ResourceRecord, part: Reader): ResourceRecord {
  return part.isAtEnd && record.class !== CLASS.IN
    ? record
    : { ...record, value: readValue(record.type, part) };
}
