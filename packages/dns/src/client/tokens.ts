import { DnsError } from "./dns-error.ts";
import { escapeByte, readEscape } from "./escapes.ts";

/** The fields of a value in presentation format: separated by spaces, which quotes protect (RFC 1035, 5.1). */
export class Tokens {
  readonly #tokens: string[];
  #next = 0;

  constructor(text: string) {
    this.#tokens = splitTokens(text);
  }

  get isAtEnd(): boolean {
    return this.#next >= this.#tokens.length;
  }

  /** The next field as it was written. */
  next(what: string): string {
    const token = this.#tokens[this.#next++];
    if (token === undefined) throw new DnsError(`${what} is missing`);
    return token;
  }

  peek(): string | undefined {
    return this.#tokens[this.#next];
  }

  rest(): string[] {
    const rest = this.#tokens.slice(this.#next);
    this.#next = this.#tokens.length;
    return rest;
  }

  end(): void {
    if (!this.isAtEnd)
      throw new DnsError(`unexpected ${JSON.stringify(this.#tokens[this.#next])} at the end`);
  }
}

/** Characters, strings in quotes and escape sequences, one after another. */
const TOKEN = /(?:[^\s"\\]|"(?:[^"\\]|\\[^])*"|\\(?:\d{3}|[\0-\x7f]))+/y;
const SPACE = /\s*/y;

function splitTokens(text: string): string[] {
  const tokens: string[] = [];
  for (let at = endOf(SPACE, text, 0); at < text.length; at = endOf(SPACE, text, at)) {
    const end = endOf(TOKEN, text, at);
    if (end === at) {
      if (text[at] === "\\") readEscape(text, at);
      throw new DnsError("a quote is not closed");
    }
    tokens.push(text.slice(at, end));
    at = end;
  }
  return tokens;
}

/** Returns where a match that begins at `start` ends; `start` without a match. */
function endOf(pattern: RegExp, text: string, start: number): number {
  pattern.lastIndex = start;
  return pattern.test(text) ? pattern.lastIndex : start;
}

/** The bytes of a character string: its quotes dropped, its escapes resolved, the rest as UTF-8. */
export function tokenBytes(token: string): Buffer {
  if (!token.includes("\\")) return Buffer.from(token.replaceAll('"', ""), "utf8");
  const parts: Buffer[] = [];
  for (let index = 0; index < token.length;) {
    if (token[index] === '"') {
      index += 1;
    } else if (token[index] === "\\") {
      const { byte, length } = readEscape(token, index);
      parts.push(Buffer.of(byte));
      index += length;
    } else {
      const plain = /^[^"\\]+/.exec(token.slice(index))![0];
      parts.push(Buffer.from(plain, "utf8"));
      index += plain.length;
    }
  }
  return Buffer.concat(parts);
}

/** A character string in quotes, with the escapes that it needs and no others. */
export function quote(bytes: Uint8Array): string {
  return `"${escapeText(bytes)}"`;
}

/** The same without quotes. */
export function escapeText(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString("latin1");
  return text.replace(/["\\]|[^\x20-\x7e]/g, (character) =>
    character === '"' || character === "\\" ? `\\${character}` : escapeByte(character.charCodeAt(0)),
  );
}
