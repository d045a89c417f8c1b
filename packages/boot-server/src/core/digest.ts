import { createHash } from "node:crypto";
import type { EntrySpec } from "./model.ts";

/** Computes the SHA-256 of an entry, in hexadecimal. The order of its fields does not matter. */
export function digestOf(spec: EntrySpec): string {
  return createHash("sha256")
    .update(JSON.stringify(inOrder(spec)))
    .digest("hex");
}

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, inner]) => [name, inOrder(inner)]),
  );
}
