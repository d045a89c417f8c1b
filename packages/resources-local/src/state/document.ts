import { applyPatch as apply, type Operation } from "rfc6902";
import type { LoggedEvent } from "./events.ts";

export type Document = Record<string, unknown>;

/** A state, or why there is none; the reason quotes no values, which may be secret. */
export type Result = { document: Document } | { failure: string };

/** The state that events add up to. */
export function resolveState(events: readonly LoggedEvent[]): Result {
  let document: Document = {};
  for (const [position, { patch }] of events.entries()) {
    const result = applyPatch(document, patch);
    if ("failure" in result) return { failure: `event ${position} does not apply: ${result.failure}` };
    document = result.document;
  }
  return { document };
}

/** Applies an RFC 6902 patch to a state, which it changes in place: on failure the state is left half-changed. */
export function applyPatch(document: Document, patch: readonly unknown[]): Result {
  // The library cannot replace the whole document: here that is a member of another one.
  const wrapped = { root: document };
  for (const [position, operation] of patch.entries()) {
    const problem = applyOperation(wrapped, operation);
    if (problem === undefined) continue;
    return { failure: `operation ${position} of its patch (${describe(operation)}) ${problem}` };
  }
  if (wrapped.root?.["_type"] !== "nixopsState") return { failure: "the result is not a nixopsState" };
  return { document: wrapped.root };
}

function applyOperation(wrapped: object, operation: unknown): string | undefined {
  const { op, path, from } = (operation ?? {}) as Record<string, unknown>;
  const hasSource = op === "move" || op === "copy";
  if (!isPointer(path) || (hasSource && !isPointer(from))) return "is not valid";
  const moved = { ...(operation as Operation), path: `/root${path}` };
  if ("from" in moved) moved.from = `/root${moved.from}`;
  try {
    return apply(wrapped, [moved])[0] === null ? undefined : "does not apply";
  } catch {
    return "does not apply";
  }
}

function isPointer(pointer: unknown): pointer is string {
  // With these names the library takes other ways than the RFC does.
  return typeof pointer === "string" && !/\/(?:__proto__|constructor|prototype)(?:\/|$)/.test(pointer);
}

function describe(operation: unknown): string {
  const { op, path } = (operation ?? {}) as Record<string, unknown>;
  return `${String(op)} ${String(path)}`;
}
