import { DnsError } from "../client/dns-error.ts";

/** Checks that a value from the network is an object. */
export function asObject(value: unknown): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new DnsError("the answer is not what the API promises: an object is missing");
}

export function asArray(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  throw new DnsError("the answer is not what the API promises: a list is missing");
}

export function asString(value: unknown): string {
  if (typeof value === "string") return value;
  throw new DnsError("the answer is not what the API promises: a text is missing");
}
