/** The result of reading one JSON object from a position on. */
export type JsonExtent =
  /** The object is complete; `end` is the position after it. */
  | { kind: "whole"; end: number }
  /** The bytes end inside the object, and are valid up to there. */
  | { kind: "cut" }
  /** The byte at `at` is not valid there. */
  | { kind: "malformed"; at: number };

const WHITESPACE = new Set([0x20, 0x0a, 0x0d, 0x09]);
const LITERAL_BYTE = /[-+.0-9a-zA-Z]/;
const LITERAL = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?)$/;
const LITERAL_PREFIX =
  /^(?:t|tr|tru|f|fa|fal|fals|n|nu|nul|-|-?(?:0|[1-9]\d*)(?:\.|\.\d+[eE][-+]?|[eE][-+]?))$/;

const ESCAPE = /^\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/;
const ESCAPE_PREFIX = /^\\(?:u[0-9a-fA-F]{0,3})?$/;

type Expected = "value" | "valueOrEnd" | "name" | "nameOrEnd" | "colon" | "commaOrEnd";

/**
 * Distinguishes a truncated object from a damaged one (RFC 8259), which JSON.parse cannot do. All bytes of a truncated
 * object are valid; only its end is missing.
 */
export function scanObject(bytes: Uint8Array, start: number): JsonExtent {
  const closers: number[] = [];
  let expected = "value" as Expected;
  for (let at = start; at < bytes.length;) {
    const byte = bytes[at]!;
    if (WHITESPACE.has(byte)) {
      at++;
    } else if (byte === 0x22) {
      if (expected === "colon" || expected === "commaOrEnd") return { kind: "malformed", at };
      const string = scanString(bytes, at);
      if (string.kind !== "whole") return string;
      at = string.end;
      expected = expected === "name" || expected === "nameOrEnd" ? "colon" : "commaOrEnd";
    } else if (byte === 0x7b || byte === 0x5b) {
      if (expected !== "value" && expected !== "valueOrEnd") return { kind: "malformed", at };
      closers.push(byte === 0x7b ? 0x7d : 0x5d);
      expected = byte === 0x7b ? "nameOrEnd" : "valueOrEnd";
      at++;
    } else if (byte === 0x7d || byte === 0x5d) {
      const mayEnd = expected === "commaOrEnd" || expected === (byte === 0x7d ? "nameOrEnd" : "valueOrEnd");
      if (!mayEnd || closers.pop() !== byte) return { kind: "malformed", at };
      at++;
      if (closers.length === 0) return { kind: "whole", end: at };
      expected = "commaOrEnd";
    } else if (byte === 0x2c && expected === "commaOrEnd") {
      expected = closers.at(-1) === 0x7d ? "name" : "value";
      at++;
    } else if (byte === 0x3a && expected === "colon") {
      expected = "value";
      at++;
    } else if (expected === "value" || expected === "valueOrEnd") {
      const literal = scanLiteral(bytes, at);
      if (literal.kind !== "whole") return literal;
      at = literal.end;
      expected = "commaOrEnd";
    } else {
      return { kind: "malformed", at };
    }
  }
  return { kind: "cut" };
}

function scanString(bytes: Uint8Array, start: number): JsonExtent {
  for (let at = start + 1; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === 0x22) return { kind: "whole", end: at + 1 };
    if (byte < 0x20) return { kind: "malformed", at };
    if (byte !== 0x5c) continue;
    const escape = latin1(bytes, at, at + 6);
    if (ESCAPE.test(escape)) at++;
    else if (ESCAPE_PREFIX.test(escape) && at + escape.length === bytes.length) return { kind: "cut" };
    else return { kind: "malformed", at };
  }
  return { kind: "cut" };
}

function scanLiteral(bytes: Uint8Array, start: number): JsonExtent {
  let end = start;
  while (end < bytes.length && LITERAL_BYTE.test(String.fromCharCode(bytes[end]!))) end++;
  const text = latin1(bytes, start, end);
  if (LITERAL.test(text)) return { kind: "whole", end };
  return end === bytes.length && LITERAL_PREFIX.test(text)
    ? { kind: "cut" }
    : { kind: "malformed", at: start };
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1", start, end);
}
