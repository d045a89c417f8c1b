import { domainToASCII } from "node:url";
import { DnsError } from "./dns-error.ts";
import { escapeByte, isPrintable, readEscape } from "./escapes.ts";

/**
 * A domain name: absolute, in lower case, in presentation format with the escapes that are needed and no others, so
 * that two names are equal when their strings are.
 */
export type Name = string;

const MAX_LABEL = 63;
const MAX_NAME = 255;
/** What a zone file gives a meaning to. */
const SPECIAL = new Set(Buffer.from('.\\"();@$'));

/** Reads a name. One without a final dot is relative to `origin`; without an origin it is taken as absolute. */
export function parseName(text: string, origin: Name = "."): Name {
  if (text === "@") return origin;
  if (text === ".") return ".";
  if (text === "") throw new DnsError("a name must not be empty: the root is `.`");
  return parsePlain(text, origin) ?? parseAny(text, origin);
}

/** Labels of letters, digits, `_`, `*` and `-`. */
const PLAIN = /^[\w*-]{1,63}(\.[\w*-]{1,63})*\.?$/;

/** `undefined` when there is something to escape or to refuse. */
function parsePlain(text: string, origin: Name): Name | undefined {
  if (!PLAIN.test(text)) return undefined;
  const lower = lowerCase(text);
  const absolute = lower.endsWith(".") ? lower : `${lower}.${origin === "." ? "" : origin}`;
  return absolute.length < MAX_NAME ? absolute : undefined;
}

function parseAny(text: string, origin: Name): Name {
  const { labels, isAbsolute } = splitLabels(text);
  return joinLabels(isAbsolute ? labels : [...labels, ...labelsOf(origin)]);
}

/** The labels, each byte one character, without the root's. */
export function labelsOf(name: Name): string[] {
  return name === "." ? [] : splitLabels(name).labels;
}

/** The name with these labels (each byte one character); checks their lengths. */
export function joinLabels(labels: readonly string[]): Name {
  const tooLong = labels.find((label) => label.length > MAX_LABEL);
  if (tooLong !== undefined)
    throw new DnsError(`a label has ${tooLong.length} bytes: ${MAX_LABEL} are allowed`);
  checkSize(labels.reduce((sum, label) => sum + label.length + 1, 1));
  return labels.length === 0 ? "." : formatLabels(labels);
}

/** Checks how many bytes a name has on the wire. */
export function checkSize(size: number): void {
  if (size > MAX_NAME) throw new DnsError(`the name has ${size} bytes: ${MAX_NAME} are allowed`);
}

/** Each label with its escapes and a dot. */
export function formatLabels(labels: readonly string[]): string {
  return labels.map((label) => `${formatLabel(label)}.`).join("");
}

/** The first label, each byte one character, and the name without it. */
export function takeLabel(name: Name): { label: string; after: Name } {
  const text = name.includes("\\") ? /^(?:[^\\.]|\\\d{3}|\\.)+/s.exec(name)![0] : name.split(".", 1)[0]!;
  const after = name.slice(text.length + 1);
  return { label: text.includes("\\") ? labelsOf(text)[0]! : text, after: after === "" ? "." : after };
}

/** Whether the name is `zone` or below it. */
export function isWithin(name: Name, zone: Name): boolean {
  if (zone === "." || name === zone) return true;
  if (!name.endsWith(`.${zone}`)) return false;
  if (!name.includes("\\")) return true;
  const before = labelsOf(name).length - labelsOf(zone).length;
  return before > 0 && joinLabels(labelsOf(name).slice(before)) === zone;
}

/** The name without `zone`; `@` for the zone itself. */
export function relativeTo(name: Name, zone: Name): string {
  if (name === zone) return "@";
  return zone === "." ? name.slice(0, -1) : name.slice(0, -(zone.length + 1));
}

/** The name of the PTR record of an address. */
export function reverseName(address: string, toBytes: (address: string) => Uint8Array): Name {
  const bytes = [...toBytes(address)].toReversed();
  if (bytes.length === 4) return `${bytes.join(".")}.in-addr.arpa.`;
  const nibbles = bytes.flatMap((byte) => [byte & 15, byte >> 4]);
  return `${nibbles.map((nibble) => nibble.toString(16)).join(".")}.ip6.arpa.`;
}

function splitLabels(text: string): { labels: string[]; isAbsolute: boolean } {
  if (PLAIN.test(text)) {
    const labels = lowerCase(text).split(".");
    const isAbsolute = labels.at(-1) === "";
    return { labels: isAbsolute ? labels.slice(0, -1) : labels, isAbsolute };
  }
  const labels: string[] = [];
  let label = "";
  for (let index = 0; index < text.length;) {
    const character = text[index]!;
    if (character === ".") {
      labels.push(finishLabel(label, text));
      label = "";
      index += 1;
    } else if (character === "\\") {
      const { byte, length } = readEscape(text, index);
      label += String.fromCharCode(byte);
      index += length;
    } else {
      label += toLabelText(character, text);
      index += 1;
    }
  }
  const isAbsolute = label === "";
  if (!isAbsolute) labels.push(finishLabel(label, text));
  return { labels, isAbsolute };
}

function toLabelText(character: string, name: string): string {
  if (/[\0-\x20\x7f]/.test(character)) {
    throw new DnsError(
      `the name ${JSON.stringify(name)} has a space or control character: write it as \\DDD`,
    );
  }
  // Above one byte: what is left for IDNA. U+0080 to U+00FF are moved out of the way of escaped bytes.
  const code = character.charCodeAt(0);
  return code >= 0x80 && code <= 0xff ? `${IDN_MARK}${character}` : character;
}

/** Precedes a character that was written as such and has the value of a byte. */
const IDN_MARK = "\u{e000}";

function finishLabel(label: string, name: string): string {
  if (label === "") throw new DnsError(`the name ${JSON.stringify(name)} has an empty label`);
  const isIdn = /[^\0-\xff]/.test(label);
  if (!isIdn) return lowerCase(label);
  const ascii = domainToASCII(label.replaceAll(IDN_MARK, ""));
  if (ascii === "" || ascii.includes(".")) {
    throw new DnsError(`the name ${JSON.stringify(name)} is not a valid internationalized name`);
  }
  return ascii;
}

function lowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function formatLabel(label: string): string {
  if (/^[a-z0-9_*-]+$/.test(label)) return label;
  const escaped = Array.from(Buffer.from(label, "latin1"), (byte) => {
    if (SPECIAL.has(byte)) return `\\${String.fromCharCode(byte)}`;
    return isPrintable(byte) ? String.fromCharCode(byte) : escapeByte(byte);
  });
  return escaped.join("");
}
