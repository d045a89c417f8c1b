import type { ReportRequest } from "./api.ts";

const MAX_REPORT_TEXT = 500;
/** Of shorter pieces nothing can be learned that is worth garbling every message. */
const LEAST = 8;
/** A piece of a secret of this length gives it away wherever it stands: encoded lines break anywhere. */
const PIECE = 16;
/** What is longer is no key or password, but a file. */
const MAX_SECRET = 64 * 1024;

/** An installer may print what it was given, as it is or encoded, in lines that were cut. */
export function withoutSecrets(request: ReportRequest, secrets: readonly string[]): ReportRequest {
  const needles = [...new Set(secrets.flatMap(formsOf))];
  const pieces = new Set(needles.flatMap(piecesOf));
  const clean = (text: string) => redact(text, needles, pieces).slice(0, MAX_REPORT_TEXT);
  return {
    ...request,
    stage: clean(request.stage),
    message: request.message === undefined ? undefined : clean(request.message),
    log: request.log?.map(clean),
  };
}

function formsOf(secret: string): string[] {
  if (secret.length > MAX_SECRET) return [];
  const bytes = Buffer.from(secret);
  const plain = [secret, ...secret.split("\n")].map((text) => text.trim());
  const encoded = [JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret), bytes.toString("hex")];
  const forms = [...plain, ...encoded, bytes.toString("hex").toUpperCase(), ...base64Of(bytes)];
  return forms.filter((form) => form.length >= LEAST);
}

/** As part of something longer that was encoded, too: that begins at any of three positions in a group. */
function base64Of(bytes: Buffer): string[] {
  const standard = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    const isFull = (before + bytes.length) % 3 === 0;
    return text.slice(Math.ceil((before * 4) / 3), isFull ? undefined : -1);
  });
  return [...standard, ...standard.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"))];
}

function piecesOf(needle: string): string[] {
  const count = Math.max(0, needle.length - PIECE + 1);
  return Array.from({ length: count }, (_, i) => needle.slice(i, i + PIECE));
}

function redact(text: string, needles: readonly string[], pieces: ReadonlySet<string>): string {
  const isSecret = new Uint8Array(text.length);
  for (let at = 0; at + PIECE <= text.length; at++) {
    if (pieces.has(text.slice(at, at + PIECE))) isSecret.fill(1, at, at + PIECE);
  }
  for (const needle of needles) {
    for (let at = text.indexOf(needle); at !== -1; at = text.indexOf(needle, at + 1)) {
      isSecret.fill(1, at, at + needle.length);
    }
    isSecret.fill(1, text.length - endThatBegins(text, needle));
    isSecret.fill(1, 0, beginThatEnds(text, needle));
  }
  let clean = "";
  for (let at = 0; at < text.length; at++) {
    if (isSecret[at] === 0) clean += text[at];
    else if (isSecret[at - 1] !== 1) clean += "[secret]";
  }
  return clean;
}

/** How long the end of the text is that the needle begins with: a line that was cut. */
function endThatBegins(text: string, needle: string): number {
  for (let length = Math.min(PIECE, needle.length, text.length); length >= LEAST; length--) {
    if (text.endsWith(needle.slice(0, length))) return length;
  }
  return 0;
}

function beginThatEnds(text: string, needle: string): number {
  for (let length = Math.min(PIECE, needle.length, text.length); length >= LEAST; length--) {
    if (text.startsWith(needle.slice(-length))) return length;
  }
  return 0;
}
