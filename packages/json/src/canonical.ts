import { decimalOf, isObject, JsonNumber } from "./json-number.ts";
import { stringifyJson } from "./stringify.ts";

/** Returns the same JSON text for equal values: fields are sorted, there are no spaces, and 1.0 is written as 1. */
export function canonicalJson(value: unknown): string {
  return stringifyJson(canonical(value));
}

/** Whether two values are equal. The notation of numbers does not matter: 1 equals 1.0, as in Nix. */
export function sameJson(one: unknown, other: unknown): boolean {
  return canonicalJson(one) === canonicalJson(other);
}

function canonical(value: unknown): unknown {
  if (value instanceof JsonNumber) return canonicalNumber(value);
  if (Array.isArray(value)) return value.map(canonical);
  if (!isObject(value)) return value;
  const names = Object.keys(value).toSorted();
  return Object.fromEntries(names.map((name) => [name, canonical(value[name])]));
}

function canonicalNumber({ text }: JsonNumber): number | JsonNumber {
  const decimal = decimalOf(text);
  const number = Number(text);
  return decimalOf(String(number)) === decimal ? number : new JsonNumber(decimal);
}
