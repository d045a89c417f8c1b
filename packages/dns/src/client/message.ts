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
  const { id, opcode, question, answer = [], authority = [], additional = [] } = message;
  const writer = new Writer(512);
  const counts = [question.length, answer.length, authority.length, additional.length + Number(edns)];
  writeHeader(writer, { id, opcode, counts });
  for (const { name, type, class: inClass = CLASS.IN } of question) {
    writer.name(name);
    writer.u16(type);
    writer.u16(inClass);
  }
  for (const record of [...answer, ...authority, ...additional]) {
    writer.name(record.name);
    writeData(writer, record);
  }
  if (edns) writeEdns(writer);
  return writer.finish();
}

/** The encoded records of one section. */
interface Section {
  bytes: Buffer;
  count: number;
}

/** A part of an UPDATE, encoded: it may stand anywhere in any message for its zone. */
export interface UpdatePart {
  prerequisites: Section;
  updates: Section;
}

export function encodeUpdatePart(
  zone: Name,
  prerequisites: readonly ResourceRecord[],
  updates: readonly ResourceRecord[],
): UpdatePart {
  return { prerequisites: encodeSection(zone, prerequisites), updates: encodeSection(zone, updates) };
}

function encodeSection(zone: Name, records: readonly ResourceRecord[]): Section {
  const writer = new Writer(64);
  for (const record of records) {
    writer.nameIn(zone, record.name);
    writeData(writer, record);
  }
  return { bytes: writer.finish(), count: records.length };
}

/** Returns the size of a part in a message, in bytes. */
export function sizeOf({ prerequisites, updates }: UpdatePart): number {
  return prerequisites.bytes.length + updates.bytes.length;
}

/** Joins parts to one UPDATE (RFC 2136, 2). */
export function joinUpdate(zone: Name, parts: readonly UpdatePart[]): Buffer {
  const sections = [parts.map((part) => part.prerequisites), parts.map((part) => part.updates)];
  const counts = sections.map((section) => section.reduce((sum, { count }) => sum + count, 0));
  const writer = new Writer(512);
  writeHeader(writer, { id: 0, opcode: OPCODE.UPDATE, counts: [1, ...counts, 0] });
  writer.name(zone);
  writer.u16(TYPE.SOA);
  writer.u16(CLASS.IN);
  return Buffer.concat([writer.finish(), ...sections.flat().map(({ bytes }) => bytes)]);
}

function writeHeader(
  writer: Writer,
  { id, opcode, counts }: { id: number; opcode: number; counts: readonly number[] },
): void {
  writer.u16(id);
  writer.u16(opcode << 11);
  for (const count of counts) {
    if (count > 0xffff) throw new DnsError("the message has too many records");
    writer.u16(count);
  }
}

/** Writes what follows the name. */
function writeData(writer: Writer, record: ResourceRecord): void {
  const type = record.type === "ANY" ? TYPE.ANY : typeNumber(record.type);
  if (type === undefined) throw new DnsError(`unknown type ${record.type}`);
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
