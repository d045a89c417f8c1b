import { describe, expect, it } from "@jest/globals";
import { applyPatch, resolveState } from "./document.ts";
import { compactedEvent, initialEvent, isEvent, nextIndex } from "./events.ts";
import type { LoggedEvent } from "./model.ts";

const META = { time: "2026-01-01T00:00:00Z" };
const event = (index: number, patch: unknown[] = [], meta: object = {}): LoggedEvent => ({
  index,
  meta: { ...META, ...meta },
  patch,
});
const put = (name: string, value: unknown) => ({ op: "add", path: `/resources/${name}`, value });

describe("the state that events add up to", () => {
  it("is that of all patches, in their order", () => {
    const events = [initialEvent(), event(1, [put("a", 1)]), event(2, [put("a", 2), put("b", 3)])];
    expect(resolveState(events)).toEqual({
      document: { _type: "nixopsState", resources: { a: 2, b: 3 }, deployments: {} },
    });
  });

  it.each<[what: string, events: LoggedEvent[], failure: RegExp]>([
    [
      "events in another order",
      [event(0, [put("a", 1)]), initialEvent()],
      /^event 0 does not apply: operation 0 of its patch \(add \/resources\/a\) does not apply$/,
    ],
    [
      "a later failure",
      [initialEvent(), event(1, [put("a", "secret"), { op: "test", path: "/resources/a", value: 2 }])],
      /^event 1 does not apply: operation 1 of its patch \(test \/resources\/a\) does not apply$/,
    ],
    [
      "an operation that is none",
      [initialEvent(), event(1, [null])],
      /^event 1 .*\(undefined undefined\) is not valid$/,
    ],
    ["no state at all", [], /^$/],
    [
      "another document",
      [event(0, [{ op: "add", path: "", value: { _type: "other" } }])],
      /the result is not a nixopsState$/,
    ],
    [
      "a list",
      [event(0, [{ op: "add", path: "", value: ["nixopsState"] }])],
      /the result is not a nixopsState$/,
    ],
    ["null", [event(0, [{ op: "add", path: "", value: null }])], /the result is not a nixopsState$/],
  ])("is none with %s, and the reason has no values", (_, events, failure) => {
    const result = resolveState(events);
    if (events.length === 0) return expect(result).toEqual({ document: {} });
    expect(result).toEqual({ failure: expect.stringMatching(failure) });
    expect(JSON.stringify(result)).not.toContain("secret");
  });

  it("passes on errors that are none of the patch", () => {
    const patch = [
      {
        op: "add",
        path: "",
        get value() {
          throw new RangeError("of ours");
        },
      },
    ];
    expect(() => applyPatch({}, patch)).toThrow(RangeError);
  });
});

describe("an event", () => {
  it.each<[unknown, boolean]>([
    [event(0), true],
    [{ index: 7, meta: { time: "" }, patch: [] }, true],
    [null, false],
    ["text", false],
    [{}, false],
    [{ meta: META, patch: [] }, false],
    [{ index: "0", meta: META, patch: [] }, false],
    [{ index: 0.5, meta: META, patch: [] }, false],
    [{ index: 0, patch: [] }, false],
    [{ index: 0, meta: null, patch: [] }, false],
    [{ index: 0, meta: {}, patch: [] }, false],
    [{ index: 0, meta: { time: 1 }, patch: [] }, false],
    [{ index: 0, meta: META }, false],
    [{ index: 0, meta: META, patch: {} }, false],
  ])("is recognized: %j is one: %s", (value, expected) => expect(isEvent(value)).toBe(expected));

  it.each<[number, LoggedEvent[]]>([
    [0, []],
    [1, [event(0)]],
    [2, [event(0), event(1)]],
    // nixops4's own provider gives all events the number 0.
    [3, [event(0), event(0), event(0)]],
    [8, [event(7)]],
    [8, [event(7), event(1)]],
    [43, [event(0, [], { lastIndex: 42 })]],
    [44, [event(0, [], { lastIndex: 42 }), event(43)]],
    [1, [event(0, [], { lastIndex: "42" })]],
  ])("comes next with the number %d", (index, events) => expect(nextIndex(events)).toBe(index));

  it("takes the place of many, whose numbering goes on", () => {
    const events = [initialEvent(), event(1, [put("a", 1)]), event(2, [put("b", 2)])];
    const state = { _type: "nixopsState", resources: { a: 1, b: 2 } };
    const compacted = compactedEvent(events, state);
    expect(compacted).toMatchObject({ index: 0, meta: { event: "compact", lastIndex: 2 } });
    expect(resolveState([compacted])).toEqual({ document: state });
    expect(nextIndex([compacted])).toBe(3);
  });
});
