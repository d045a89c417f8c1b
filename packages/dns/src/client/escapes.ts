import { DnsError } from "./dns-error.ts";

/**
 * The byte that the escape sequence at `index` (a backslash) stands for, with the sequence's length: `\DDD` is a
 * byte by its decimal value, `\X` is X itself (RFC 1035, 5.1).
 */
export function readEscape(text: string, index: number): { byte: number; length: number } {
  const digits = /^\d{3}/.exec(text.slice(index + 1, index + 4))?.[0];
  if (digits !== undefined) {
    const byte = Number(digits);
    if (byte > 255) throw new DnsError(`\\${digits} is no byte: it must be at most \\255`);
    return { byte, length: 4 };
  }
  const code = text.charCodeAt(index + 1);
  if (!(code < 0x80))
    throw new DnsError("a backslash must be followed by an ASCII character or three digits");
  return { byte: code, length: 2 };
}

/** A byte as `\DDD`. */
export function escapeByte(byte: number): string {
  return `\\${String(byte).padStart(3, "0")}`;
}

export function isPrintable(byte: number): boolean {
  return byte > 0x20 && byte < 0x7f;
}
