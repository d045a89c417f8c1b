import type { Document, LoggedEvent } from "./model.ts";

export function isEvent(value: unknown): value is LoggedEvent {
  const { index, meta, patch } = (value ?? {}) as Partial<LoggedEvent>;
  return Number.isSafeInteger(index) && typeof meta?.time === "string" && Array.isArray(patch);
}

export function initialEvent(): LoggedEvent {
  return rootEvent({ _type: "nixopsState", resources: {}, deployments: {} }, {});
}

/** Returns one event that replaces all others. It keeps the number of the last of them. */
export function compactedEvent(events: readonly LoggedEvent[], state: Document): LoggedEvent {
  return rootEvent(state, { event: "compact", lastIndex: nextIndex(events) - 1 });
}

/** Returns the number of the next event. nixops4's own provider gives all of its events the number 0. */
export function nextIndex(events: readonly LoggedEvent[]): number {
  return events.reduce((next, { index, meta }, position) => {
    const last = typeof meta["lastIndex"] === "number" ? meta["lastIndex"] : index;
    return Math.max(next, last + 1, position + 1);
  }, 0);
}

function rootEvent(state: Document, meta: Record<string, unknown>): LoggedEvent {
  return {
    index: 0,
    meta: { time: new Date().toISOString(), ...meta },
    patch: [{ op: "add", path: "", value: state }],
  };
}
