import { isObject, JsonNumber } from "@nixops4-providers/json";
import type { Contract } from "./contracts.ts";
import { type Violation } from "./resource.ts";
import { violationsOf } from "./violations.ts";

type Properties = Record<string, unknown>;

/** Returns the outputs with `null` for declared ones that are missing, since an expression may use any of them. */
export function completeOutputs({ schema }: Contract, outputs: Properties): Properties {
  const missing = Object.keys(schema.properties ?? {}).filter((name) => outputs[name] === undefined);
  return { ...outputs, ...Object.fromEntries(missing.map((name) => [name, null])) };
}

/** Returns the violations of the outputs: of their schema, and values that nixops4 cannot read. */
export function outputViolations(contract: Contract, outputs: Properties): Violation[] {
  return [...violationsOf(contract, outputs), ...unreadable(outputs, "")];
}

/** Returns the violations for values that nixops4 or its evaluator fails on or changes. */
function unreadable(value: unknown, path: string): Violation[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => unreadable(item, `${path}[${index}]`));
  if (isObject(value)) {
    return Object.entries(value).flatMap(([name, field]) => [
      ...unreadable(name, path),
      ...unreadable(field, path === "" ? name : `${path}.${name}`),
    ]);
  }
  const message = whyUnreadable(value);
  return message === undefined ? [] : [{ path, message }];
}

const MIN_INTEGER = -(2n ** 63n);
const MAX_INTEGER = 2n ** 63n - 1n;

function whyUnreadable(value: unknown): string | undefined {
  if (typeof value === "string") {
    return /\p{Cs}/u.test(value) ? "is text with half a character (an unpaired UTF-16 surrogate)" : undefined;
  }
  if (typeof value !== "number" && !(value instanceof JsonNumber)) return undefined;
  const text = value instanceof JsonNumber ? value.text : String(value);
  if (!Number.isFinite(Number(text))) return "is a number beyond 1.8e308, which Nix does not have";
  if (!/^-?\d{19,}$/.test(text)) return undefined;
  const integer = text.length > 20 ? undefined : BigInt(text);
  return integer !== undefined && integer >= MIN_INTEGER && integer <= MAX_INTEGER
    ? undefined
    : "is an integer of more than 64 bits, which Nix does not have";
}
