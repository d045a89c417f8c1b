import type { Operation } from "rfc6902";

export type Document = Record<string, unknown>;

/**
 * Applies an RFC 6902 patch to a state, which it changes in place. On failure the state is left half-changed,
 * and the reason names the operation but no value: values may be secret.
 */
export async function applyPatch(
  document: Document,
  patch: readonly unknown[],
): Promise<{ document: Document } | { failure: string }> {
  const { applyPatch: apply } = await import("rfc6902");
  // The library cannot replace the whole document: here that is a member of another one.
  const wrapped = { root: document };
  for (const [position, operation] of patch.entries()) {
    const failure = applyOne(wrapped, operation);
    if (failure !== undefined)
      return { failure: `operation ${position} of its patch (${describe(operation)}) ${failure}` };
  }
  if (wrapped.root?.["_type"] !== "nixopsState") return { failure: "the result is not a nixopsState" };
  return { document: wrapped.root };

  function applyOne(target: object, operation: unknown): string | undefined {
    const { op, path, from } = (operation ?? {}) as Record<string, unknown>;
    const pointers = op === "move" || op === "copy" ? [path, from] : [path];
    if (!pointers.every(isPointer)) return "is not valid";
    const moved = { ...(operation as object), path: `/root${path as string}` } as Operation;
    if ("from" in moved) moved.from = `/root${from as string}`;
    try {
      return apply(target, [moved])[0] === null ? undefined : "does not apply";
    } catch {
      return "does not apply";
    }
  }
}

function isPointer(pointer: unknown): pointer is string {
  // The library takes other ways with these names than the RFC does.
  return typeof pointer === "string" && !/\/(?:__proto__|constructor|prototype)(?:\/|$)/.test(pointer);
}

function describe(operation: unknown): string {
  const { op, path } = (operation ?? {}) as Record<string, unknown>;
  return `${String(op)} ${String(path)}`;
}
