import { isUtf8 } from "node:buffer";
import { parseJson } from "@nixops4-providers/json";
import { scanObject } from "./json-prefix.ts";

/** The damage of a log that a torn write does not explain. No part of such a log may be dropped. */
export class DamagedLogError extends Error {
  override readonly name = "DamagedLogError";
  /** The position of the damage, in bytes from the start. */
  readonly offset: number;
  /** How many records before it are whole. */
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
 * Reads JSON objects that stand one after another, in any layout. A last one that was cut off is left out;
 * any other damage is a {@link DamagedLogError}.
 */
export function parseRecords(bytes: Buffer): ParsedRecords {
  return parseAtOnce(bytes) ?? parseOneByOne(bytes);
}

/** The fast way, for a whole file in which each record starts on a line of its own. */
function parseAtOnce(bytes: Buffer): ParsedRecords | undefined {
  if (!isUtf8(bytes)) return undefined;
  // "}", newline, "{" cannot occur inside a JSON value: it stands between two.
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
  // A crash may leave a file extended but not written: it then ends in zeros.
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
