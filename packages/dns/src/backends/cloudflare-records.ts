import { canonicalValue } from "../client/rr-types.ts";
import { quote, tokenBytes, Tokens } from "../client/tokens.ts";
import { asObject, asString } from "./json.ts";

/** The data of one record in the API. */
export interface RecordContent {
  content?: string;
  priority?: number;
  data?: Record<string, string | number>;
}

type Kind = "number" | "word" | "text" | "name" | "metres" | "rest";

const ANGLE = ["degrees", "minutes", "seconds", "direction"] as const;

/** Types whose fields have names of their own, in the order of the presentation format. */
const FIELDS: Record<string, readonly (readonly [string, Kind])[]> = {
  CAA: [["flags", "number"], ["tag", "word"], ["value", "text"]], // prettier-ignore
  SRV: [["priority", "number"], ["weight", "number"], ["port", "number"], ["target", "name"]], // prettier-ignore
  SSHFP: [["algorithm", "number"], ["type", "number"], ["fingerprint", "word"]], // prettier-ignore
  TLSA: [["usage", "number"], ["selector", "number"], ["matching_type", "number"], ["certificate", "word"]], // prettier-ignore
  DS: [["key_tag", "number"], ["algorithm", "number"], ["digest_type", "number"], ["digest", "word"]], // prettier-ignore
  NAPTR: [["order", "number"], ["preference", "number"], ["flags", "text"], ["service", "text"], ["regex", "text"], ["replacement", "name"]], // prettier-ignore
  HTTPS: [["priority", "number"], ["target", "name"], ["value", "rest"]], // prettier-ignore
  SVCB: [["priority", "number"], ["target", "name"], ["value", "rest"]], // prettier-ignore
  LOC: [
    ...["lat", "long"].flatMap((axis) =>
      ANGLE.map((part): [string, Kind] => [`${axis}_${part}`, part === "direction" ? "word" : "number"]),
    ),
    ...["altitude", "size", "precision_horz", "precision_vert"].map((field): [string, Kind] => [
      field,
      "metres",
    ]),
  ],
};

const TARGETS = new Set(["CNAME", "NS", "PTR"]);

/** A canonical value for the API. */
export function toContent(type: string, value: string): RecordContent {
  const fields = FIELDS[type];
  if (fields !== undefined) return { data: toData(fields, value) };
  if (TARGETS.has(type)) return { content: dropDot(value) };
  if (type !== "MX") return { content: value };
  const [priority, target] = value.split(" ");
  return { priority: Number(priority), content: dropDot(target!) };
}

/** A record of the API as a canonical value. */
export function fromContent(type: string, record: Record<string, unknown>): string {
  const fields = FIELDS[type];
  if (fields !== undefined) {
    const data = asObject(record["data"]);
    return canonicalValue(type, fields.map(([field, kind]) => present(kind, data[field] ?? "")).join(" "));
  }
  const content = asString(record["content"]);
  return canonicalValue(type, type === "MX" ? `${Number(record["priority"])} ${content}` : content);
}

function toData(
  fields: readonly (readonly [string, Kind])[],
  value: string,
): Record<string, string | number> {
  const tokens = new Tokens(value);
  const entries = fields.map(([field, kind]): [string, string | number] => {
    if (kind === "rest") return [field, tokens.rest().join(" ")];
    return [field, parse(kind, tokens.next(field))];
  });
  return Object.fromEntries(entries);
}

function parse(kind: Kind, token: string): string | number {
  if (kind === "number") return Number(token);
  if (kind === "metres") return Number(token.replace(/m$/, ""));
  if (kind === "name") return dropDot(token);
  return kind === "text" ? tokenBytes(token).toString("utf8") : token;
}

function present(kind: Kind, field: unknown): string {
  const text = String(field);
  return kind === "text" ? quote(Buffer.from(text, "utf8")) : text;
}

function dropDot(name: string): string {
  return name === "." ? name : name.replace(/\.$/, "");
}
