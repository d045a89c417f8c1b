import type { ReportRequest } from "./api.ts";

const MAX_REPORT_TEXT = 500;
/** Shorter secrets and remainders are not redacted, because they also occur in ordinary text. */
const LEAST = 8;
/** Every part of a secret with this length is redacted, because encoders break lines anywhere. */
const PIECE = 16;
/** Longer secrets are not searched for: they are files, not keys or passwords. */
const MAX_SECRET = 64 * 1024;

/** Returns the report without the secrets, which an installer may print as they are, encoded, or in lines that were cut. */
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

/** Returns the base64 of the bytes at each of the three positions that they can have in longer encoded text. */
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

/** Returns the length of the longest end of the text that is the beginning of the needle. */
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
