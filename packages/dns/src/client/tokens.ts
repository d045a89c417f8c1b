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

function splitTokens(text: string): string[] {
  const tokens: string[] = [];
  let token = "";
  let isQuoted = false;
  for (let index = 0; index < text.length;) {
    const character = text[index]!;
    if (character === "\\") {
      const { length } = readEscape(text, index);
      token += text.slice(index, index + length);
      index += length;
      continue;
    }
    if (character === '"') isQuoted = !isQuoted;
    if (!isQuoted && /\s/.test(character)) {
      if (token !== "") tokens.push(token);
      token = "";
    } else {
      token += character;
    }
    index += 1;
  }
  if (isQuoted) throw new DnsError("a quote is not closed");
  return token === "" ? tokens : [...tokens, token];
}

/** The bytes of a character string: its quotes dropped, its escapes resolved, the rest as UTF-8. */
export function tokenBytes(token: string): Buffer {
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
