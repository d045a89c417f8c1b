/** Matches the control characters of ASCII and Latin-1, and those of Unicode that change the direction or the line. */
const UNPRINTABLE =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** Matches an escape sequence that changes colours only. SGR 8 hides text and is not one of them. */
// eslint-disable-next-line no-control-regex
const COLOURS = /(\u001b\[(?:(?!0*8[;m])[0-9]{1,3};?){0,10}m)/;

/**
 * Escapes control characters, except for line feeds and tabs, so that a terminal can show a text that a host, a server or
 * a program has chosen. With `colours`, sequences that change the colour stay. Each log line and error passes through here.
 */
export function printable(text: string, { colours = false } = {}): string {
  const plain = text.replaceAll("\r\n", "\n");
  if (!colours) return plain.replace(UNPRINTABLE, escape);
  return plain
    .split(COLOURS)
    .map((part, index) => (index % 2 === 1 ? part : part.replace(UNPRINTABLE, escape)))
    .join("");
}

function escape(character: string): string {
  const code = character.charCodeAt(0);
  return code < 0x100
    ? `\\x${code.toString(16).padStart(2, "0")}`
    : `\\u${code.toString(16).padStart(4, "0")}`;
}
