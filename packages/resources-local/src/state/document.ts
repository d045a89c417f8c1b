import { isObject } from "@nixops4-providers/json";
import { applyOperation, PatchError } from "./json-patch.ts";
import type { Document, LoggedEvent } from "./model.ts";

/** A state, or the reason why there is none. The reason quotes no values, which may be secret. */
export type Result = { document: Document } | { failure: string };

/** Returns the state that results from the events. */
export function resolveState(events: readonly LoggedEvent[]): Result {
  let document: Document = {};
  for (const [position, { patch }] of events.entries()) {
    const result = applyPatch(document, patch);
    if ("failure" in result) return { failure: `event ${position} does not apply: ${result.failure}` };
    document = result.document;
  }
  return { document };
}

/** Applies a patch (RFC 6902) to a state in place. After a failure, the state has a part of the changes. */
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
