import { DnsError } from "./dns-error.ts";
import type { Field } from "./fields.ts";
import type { Tokens } from "./tokens.ts";
import type { Reader, Writer } from "./wire.ts";

const EQUATOR = 2 ** 31;
/** Altitudes count from 100 km below the reference, in centimetres. */
const ALTITUDE_BASE = 10_000_000;
const MAX_CENTIMETRES = 9_000_000_000;
const UNITS = { degree: 3_600_000, minute: 60_000, second: 1_000 };
const DEFAULT_SIZES = ["1m", "10000m", "10m"];

/** LOC (RFC 1876): `52 22 23 N 4 53 32 E -2m 1m 10000m 10m`. */
export const loc: Field = { write: writeLoc, read: readLoc };

function writeLoc(tokens: Tokens, writer: Writer): void {
  const latitude = parseAngle(tokens, "the latitude", ["N", "S"], 90);
  const longitude = parseAngle(tokens, "the longitude", ["E", "W"], 180);
  const altitude = parseMetres(tokens.next("the altitude"), "the altitude") + ALTITUDE_BASE;
  if (altitude < 0 || altitude > 0xffffffff) throw new DnsError("the altitude is out of range");
  const given = tokens.rest();
  if (given.length > 3) throw new DnsError("unexpected text after the vertical precision");
  writer.u8(0);
  for (const size of [...given, ...DEFAULT_SIZES.slice(given.length)]) writer.u8(encodeSize(size));
  writer.u32(latitude);
  writer.u32(longitude);
  writer.u32(altitude);
}

function parseAngle(
  tokens: Tokens,
  what: string,
  [positive, negative]: [string, string],
  max: number,
): number {
  const numbers: number[] = [];
  let direction = tokens.next(what);
  while (direction !== positive && direction !== negative) {
    if (numbers.length === 3 || !/^\d{1,3}(\.\d{1,3})?$/.test(direction)) {
      throw new DnsError(`${what} must be degrees, minutes, seconds and ${positive} or ${negative}`);
    }
    numbers.push(Number(direction));
    direction = tokens.next(`${positive} or ${negative} of ${what}`);
  }
  const [degrees = 0, minutes = 0, seconds = 0] = numbers;
  const thousandths = Math.round(degrees * UNITS.degree + minutes * UNITS.minute + seconds * UNITS.second);
  const isWhole = Number.isInteger(degrees) && Number.isInteger(minutes);
  if (numbers.length === 0 || !isWhole || minutes > 59 || seconds >= 60 || thousandths > max * UNITS.degree) {
    throw new DnsError(`${what} is out of range`);
  }
  return direction === positive ? EQUATOR + thousandths : EQUATOR - thousandths;
}

/** In centimetres. */
function parseMetres(token: string, what: string): number {
  const digits = /^(-?\d{1,8}(?:\.\d{1,2})?)m?$/.exec(token)?.[1];
  if (digits === undefined) throw new DnsError(`${what} must be metres, is ${JSON.stringify(token)}`);
  return Math.round(Number(digits) * 100);
}

/** A digit and a power of ten, in centimetres. */
function encodeSize(token: string): number {
  const centimetres = parseMetres(token, "a size or precision");
  if (centimetres < 0 || centimetres > MAX_CENTIMETRES)
    throw new DnsError("a size or precision is out of range");
  const power = centimetres === 0 ? 0 : Math.floor(Math.log10(centimetres) + 1e-12);
  return (Math.floor(centimetres / 10 ** power) << 4) | power;
}

function readLoc(reader: Reader): string {
  if (reader.u8() !== 0) throw new DnsError("LOC has an unknown version");
  const sizes = [reader.u8(), reader.u8(), reader.u8()].map(decodeSize);
  const latitude = formatAngle(reader.u32(), "N", "S");
  const longitude = formatAngle(reader.u32(), "E", "W");
  return [latitude, longitude, formatMetres(reader.u32() - ALTITUDE_BASE), ...sizes].join(" ");
}

function decodeSize(byte: number): string {
  if (byte >> 4 > 9 || (byte & 15) > 9) throw new DnsError("LOC has an invalid size");
  return formatMetres((byte >> 4) * 10 ** (byte & 15));
}

/** With both decimals: PowerDNS takes it in no other way. */
function formatMetres(centimetres: number): string {
  return `${(centimetres / 100).toFixed(2)}m`;
}

function formatAngle(value: number, positive: string, negative: string): string {
  const thousandths = Math.abs(value - EQUATOR);
  const degrees = Math.floor(thousandths / UNITS.degree);
  const minutes = Math.floor((thousandths % UNITS.degree) / UNITS.minute);
  const seconds = ((thousandths % UNITS.minute) / UNITS.second).toFixed(3);
  return `${degrees} ${minutes} ${seconds} ${value >= EQUATOR ? positive : negative}`;
}
