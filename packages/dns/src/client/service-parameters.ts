import { DnsError } from "./dns-error.ts";
import { type Field, formatIpv6, parseBase64, parseIpv4, parseIpv6 } from "./fields.ts";
import { escapeText, tokenBytes } from "./tokens.ts";
import { type Reader, Writer } from "./wire.ts";

/** One kind of parameter of SVCB and HTTPS (RFC 9460): its value in words and on the wire. */
interface Parameter {
  write(value: string, writer: Writer): void;
  read(reader: Reader): string;
}

const KEYS = [
  "mandatory",
  "alpn",
  "no-default-alpn",
  "port",
  "ipv4hint",
  "ech",
  "ipv6hint",
  "dohpath",
  "ohttp",
];
const MAX_KEY = 0xffff;

const none: Parameter = {
  write: (value) => {
    if (value !== "") throw new DnsError("this parameter takes no value");
  },
  read: () => "",
};

const raw: Parameter = {
  write: (value, writer) => writer.bytes(tokenBytes(value)),
  read: (reader) => escapeText(reader.rest()),
};

const addresses = (
  parse: (text: string) => Buffer,
  format: (bytes: Buffer) => string,
  size: number,
): Parameter => ({
  write: (value, writer) => value.split(",").forEach((address) => writer.bytes(parse(address))),
  read: (reader) => listOf(reader, () => format(reader.bytes(size))).join(","),
});

const PARAMETERS: Record<string, Parameter> = {
  mandatory: {
    write: (value, writer) => {
      const keys = value.split(",").map(parseKey);
      if (new Set(keys).size < keys.length) throw new DnsError("mandatory names a key twice");
      for (const key of keys.toSorted((a, b) => a - b)) writer.u16(key);
    },
    read: (reader) => listOf(reader, () => formatKey(reader.u16())).join(","),
  },
  alpn: {
    write: (value, writer) => {
      for (const id of splitList(tokenBytes(value))) {
        if (id.length === 0) throw new DnsError("alpn has an empty name");
        writer.shortBytes(id);
      }
    },
    read: (reader) =>
      escapeText(Buffer.from(listOf(reader, () => escapeItem(reader.shortBytes())).join(","), "latin1")),
  },
  "no-default-alpn": none,
  port: {
    write: (value, writer) => {
      if (!/^\d{1,5}$/.test(value) || Number(value) > 0xffff)
        throw new DnsError("port must be from 0 to 65535");
      writer.u16(Number(value));
    },
    read: (reader) => String(reader.u16()),
  },
  ipv4hint: addresses(parseIpv4, (bytes) => bytes.join("."), 4),
  ech: {
    write: (value, writer) => writer.bytes(parseBase64(value, "ech")),
    read: (reader) => reader.rest().toString("base64"),
  },
  ipv6hint: addresses(parseIpv6, formatIpv6, 16),
  dohpath: raw,
  ohttp: none,
};

/** Sorts parameters by their keys, as the wire format requires. */
export const serviceParameters: Field = {
  write: (tokens, writer) => {
    const parameters = tokens
      .rest()
      .map(parseParameter)
      .toSorted((a, b) => a.key - b.key);
    const twice = parameters.find(({ key }, index) => parameters[index - 1]?.key === key);
    if (twice !== undefined) throw new DnsError(`the parameter ${formatKey(twice.key)} is there twice`);
    for (const { key, value } of parameters) {
      writer.u16(key);
      writer.sized(() => writer.bytes(value));
    }
  },
  read: (reader) => listOf(reader, () => readParameter(reader)).join(" "),
};

function parseParameter(token: string): { key: number; value: Buffer } {
  const at = token.indexOf("=");
  const name = at < 0 ? token : token.slice(0, at);
  const value = at < 0 ? "" : token.slice(at + 1).replace(/^"(.*)"$/s, "$1");
  const key = parseKey(name);
  const writer = new Writer(64);
  const parameter = PARAMETERS[formatKey(key)] ?? raw;
  if (value === "" && parameter !== none && parameter !== raw) throw new DnsError(`${name} needs a value`);
  parameter.write(value, writer);
  return { key, value: writer.finish() };
}

function readParameter(reader: Reader): string {
  const key = formatKey(reader.u16());
  const parameter = reader.part(reader.u16());
  const value = (PARAMETERS[key] ?? raw).read(parameter);
  if (!parameter.isAtEnd) throw new DnsError(`the parameter ${key} is too long`);
  if (value === "") return key;
  return /[\s"();]/.test(value) ? `${key}="${value}"` : `${key}=${value}`;
}

function parseKey(name: string): number {
  const known = KEYS.indexOf(name);
  if (known >= 0) return known;
  const number = Number(/^key(\d{1,5})$/.exec(name)?.[1] ?? Number.NaN);
  if (!(number < MAX_KEY)) throw new DnsError(`unknown parameter ${JSON.stringify(name)}`);
  return number;
}

function formatKey(key: number): string {
  return KEYS[key] ?? `key${key}`;
}

function listOf(reader: Reader, read: () => string): string[] {
  const list: string[] = [];
  while (!reader.isAtEnd) list.push(read());
  return list;
}

/** Splits at commas; a backslash before a comma or a backslash takes its meaning (RFC 9460, appendix A.1). */
function splitList(bytes: Buffer): Buffer[] {
  const items = [""];
  const text = bytes.toString("latin1");
  for (const [part, escaped] of text.matchAll(/\\([,\\])|[^]/g)) {
    if (part === ",") items.push("");
    else items[items.length - 1] += escaped ?? part;
  }
  return items.map((item) => Buffer.from(item, "latin1"));
}

function escapeItem(bytes: Buffer): string {
  return bytes.toString("latin1").replace(/[,\\]/g, "\\$&");
}
