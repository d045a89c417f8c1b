import { decimalOf, isObject, JsonNumber } from "./json-number.ts";
import { stringifyJson } from "./stringify.ts";

/** JSON that is the same for equal values: fields in order, no spaces, 1.0 as 1. */
export function canonicalJson(value: unknown): string {
  return stringifyJson(canonical(value));
}

/** Whether two values are equal, in whatever way their numbers are written: 1 is 1.0, as in Nix. */
export function sameJson(one: unknown, other: unknown): boolean {
  return canonicalJson(one) === canonicalJson(other);
}

function canonical(value: unknown): unknown {
  if (value instanceof JsonNumber) return canonicalNumber(value);
  if (Array.isArray(value)) return value.map(canonical);
  if (!isObject(value)) return value;
  const fields = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(fields.map(([name, field]) => [name, canonical(field)]));
}

function canonicalNumber({ text }: JsonNumber): number | JsonNumber {
  const decimal = decimalOf(text);
  const number = Number(text);
  return decimalOf(String(number)) === decimal ? number : new JsonNumber(decimal);
}
