/** A piece of HTML. Only {@link html} and {@link trusted} create it. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = Html | string | number | false | undefined | readonly Part[];

/** Renders a template. Escapes values that are not HTML, joins lists, and omits `false`. */
export function html(strings: TemplateStringsArray, ...parts: Part[]): Html {
  return new Html(strings.reduce((before, after, i) => before + toHtml(parts[i - 1]) + after));
}

/** Marks HTML, CSS or a script from this program, which is not escaped. */
export function trusted(text: string): Html {
  return new Html(text);
}

/** Escapes text of several lines for `<pre>`. */
export function onLines(lines: readonly string[]): Html {
  return new Html(lines.map(escapeText).join("\n"));
}

function toHtml(part: Part): string {
  if (part === undefined || part === false) return "";
  if (part instanceof Html) return part.text;
  if (typeof part === "object") return part.map(toHtml).join("");
  return escapeText(String(part));
}

/** Escapes text for element content and quoted attributes. Makes control and bidirectional characters visible. */
export function escapeText(text: string): string {
  return text
    .replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
    .replaceAll(UNSEEN, showUnseen);
}

// Control characters, and characters that reorder the following text (Unicode Technical Standard 55, section 2.3).
// eslint-disable-next-line no-control-regex
const UNSEEN = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]|\p{Cs}/gu;

function showUnseen(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code === 0x7f) return "\u2421";
  return `\u2039U+${code.toString(16).toUpperCase().padStart(4, "0")}\u203a`;
}
