import { isUtf8 } from "node:buffer";
import { parseJson } from "@nixops4-providers/json";
import { scanObject } from "./json-prefix.ts";

/** The damage of a log that a torn write does not explain. No part of such a log may be dropped. */
export class DamagedLogError extends Error {
  override readonly name = "DamagedLogError";
  /** The position of the damage, in bytes from the start. */
  readonly offset: number;
  /** The number of complete records before it. */
  readonly wholeRecords: number;

  constructor(offset: number, wholeRecords: number) {
    super(`damaged at byte ${offset}, in record ${wholeRecords}`);
    this.offset = offset;
    this.wholeRecords = wholeRecords;
  }
}

export interface ParsedRecords {
  records: unknown[];
  /** The end of the last complete record, in bytes. The rest is a torn record. */
  end: number;
}

/**
 * Reads a sequence of JSON objects, in any layout. Ignores a truncated object at the end. Throws {@link DamagedLogError} for
 * any other damage.
 */
export function parseRecords(bytes: Buffer): ParsedRecords {
  return parseAtOnce(bytes) ?? parseOneByOne(bytes);
}

/** Reads a file that has no damage and starts each record on a new line. It is faster than {@link parseOneByOne}. */
function parseAtOnce(bytes: Buffer): ParsedRecords | undefined {
  if (!isUtf8(bytes)) return undefined;
  // "}", newline, "{" occurs only between two JSON values, never inside one.
  const text = bytes.toString("utf8");
  if (!/^\s*\{/.test(text)) return undefined;
  const parts = text.split("}\n{");
  const last = parts.length - 1;
  try {
    const records = parts.map((part, index) =>
      parseJson(`${index === 0 ? "" : "{"}${part}${index === last ? "" : "}"}`),
    );
    return { records, end: bytes.length };
  } catch {
    return undefined;
  }
}

function parseOneByOne(file: Buffer): ParsedRecords {
  const records: unknown[] = [];
  // After a crash, a file may end in zeros: its size was changed, but its data was not written.
  let length = file.length;
  while (length > 0 && file[length - 1] === 0) length--;
  const bytes = file.subarray(0, length);
  let end = 0;
  for (let at = skipWhitespace(bytes, 0); at < length; at = skipWhitespace(bytes, end)) {
    const extent = bytes[at] === 0x7b ? scanObject(bytes, at) : ({ kind: "malformed", at } as const);
    if (extent.kind === "cut") return { records, end };
    if (extent.kind === "malformed") throw new DamagedLogError(extent.at, records.length);
    const slice = bytes.subarray(at, extent.end);
    if (!isUtf8(slice)) throw new DamagedLogError(at, records.length);
    try {
      records.push(parseJson(slice.toString("utf8")));
    } catch {
      throw new DamagedLogError(at, records.length);
    }
    end = extent.end;
  }
  return { records, end: length === file.length ? length : end };
}

function skipWhitespace(bytes: Uint8Array, at: number): number {
  while (at < bytes.length && (bytes[at] === 0x20 || (bytes[at]! >= 0x09 && bytes[at]! <= 0x0d))) at++;
  return at;
}
