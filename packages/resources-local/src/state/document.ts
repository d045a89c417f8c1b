import { isObject } from "@nixops4-providers/json";
import { applyOperation, PatchError } from "./json-patch.ts";
import type { Document, LoggedEvent } from "./model.ts";

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
  const box: { root: unknown } = { root: document };
  for (const [position, operation] of patch.entries()) {
    try {
      applyOperation(box, operation);
    } catch (error) {
      if (!(error instanceof PatchError)) throw error;
      return {
        failure: `operation ${position} of its patch (${describe(operation)}) ${error.message}`,
      };
    }
  }
  const { root } = box;
  if (!isObject(root) || root["_type"] !== "nixopsState")
    return { failure: "the result is not a nixopsState" };
  return { document: root };
}

function describe(operation: unknown): string {
  const { op, path } = (operation ?? {}) as Record<string, unknown>;
  return `${String(op)} ${String(path)}`;
}
