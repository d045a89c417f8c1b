import { describe, expect, it } from "@jest/globals";
import { JsonNumber, parseJson } from "@nixops4-providers/json";
import { applyOperation, PatchError } from "./json-patch.ts";

function apply(document: unknown, operation: unknown): unknown {
  const box = { root: structuredClone(document) };
  applyOperation(box, operation);
  return box.root;
}

const PROTO = JSON.parse('{"__proto__": 1}') as unknown;

describe("an operation of RFC 6902", () => {
  it.each<[document: unknown, operation: object, result: unknown]>([
    [{}, { op: "add", path: "/a", value: 1 }, { a: 1 }],
    [{ a: 1 }, { op: "add", path: "/a", value: null }, { a: null }],
    [{ a: 1 }, { op: "add", path: "", value: [] }, []],
    [{ "": 1 }, { op: "add", path: "/", value: 2 }, { "": 2 }],
    [{}, { op: "add", path: "/a~1b~0c", value: 1 }, { "a/b~c": 1 }],
    [{}, { op: "add", path: "/~01", value: 1 }, { "~1": 1 }],
    [[], { op: "add", path: "/0", value: 1 }, [1]],
    [[1, 2], { op: "add", path: "/0", value: 0 }, [0, 1, 2]],
    [[1, 2], { op: "add", path: "/1", value: 0 }, [1, 0, 2]],
    [[1, 2], { op: "add", path: "/2", value: 0 }, [1, 2, 0]],
    [[1, 2], { op: "add", path: "/-", value: 0 }, [1, 2, 0]],
    [{ "-": 1 }, { op: "add", path: "/-", value: 0 }, { "-": 0 }],
    [{ a: [{}] }, { op: "add", path: "/a/0/b", value: 1 }, { a: [{ b: 1 }] }],
    [{ a: 1, b: 2 }, { op: "remove", path: "/a" }, { b: 2 }],
    [[1, 2, 3], { op: "remove", path: "/1" }, [1, 3]],
    [[1, 2, 3], { op: "remove", path: "/2" }, [1, 2]],
    [{ a: 1 }, { op: "replace", path: "/a", value: 2 }, { a: 2 }],
    [[1, 2], { op: "replace", path: "/1", value: 3 }, [1, 3]],
    [{ a: 1 }, { op: "replace", path: "", value: {} }, {}],
    [{ a: { b: 1 } }, { op: "copy", from: "/a", path: "/c" }, { a: { b: 1 }, c: { b: 1 } }],
    [{ a: 1 }, { op: "move", from: "/a", path: "/b" }, { b: 1 }],
    [{ a: 1, ab: {} }, { op: "move", from: "/a", path: "/ab/a" }, { ab: { a: 1 } }],
    [[1, 2, 3], { op: "move", from: "/0", path: "/2" }, [2, 3, 1]],
    [[1, 2, 3], { op: "move", from: "/0", path: "/-" }, [2, 3, 1]],
    [{ a: 1 }, { op: "move", from: "/a", path: "/a" }, { a: 1 }],
    [{ a: [1, { b: null }] }, { op: "test", path: "/a", value: [1, { b: null }] }, { a: [1, { b: null }] }],
    [{ a: null }, { op: "test", path: "/a", value: null }, { a: null }],
  ])("on %j: %j gives %j", (document, operation, result) => {
    expect(apply(document, operation)).toEqual(result);
  });

  it.each<[document: unknown, operation: unknown, message: string]>([
    [{}, null, "is not valid"],
    [{}, "add", "is not valid"],
    [{}, [], "is not valid"],
    [{}, { op: "merge", path: "" }, "is not valid"],
    [{}, { path: "/a", value: 1 }, "is not valid"],
    [{}, { op: "add", value: 1 }, "is not valid"],
    [{}, { op: "add", path: 1, value: 1 }, "is not valid"],
    [{}, { op: "add", path: "a", value: 1 }, "is not valid"],
    [{}, { op: "add", path: "/~", value: 1 }, "is not valid"],
    [{}, { op: "add", path: "/~2", value: 1 }, "is not valid"],
    [{ a: 1 }, { op: "copy", path: "/b" }, "is not valid"],
    [{ a: 1 }, { op: "move", path: "/b" }, "is not valid"],
    [{}, { op: "add", path: "/a" }, "does not apply"],
    [{}, { op: "add", path: "/a/b", value: 1 }, "does not apply"],
    [{ a: 1 }, { op: "add", path: "/a/b", value: 1 }, "does not apply"],
    [{ a: null }, { op: "add", path: "/a/b", value: 1 }, "does not apply"],
    [{ a: "text" }, { op: "add", path: "/a/0", value: 1 }, "does not apply"],
    [[], { op: "add", path: "/1", value: 1 }, "does not apply"],
    [[1], { op: "add", path: "/2", value: 1 }, "does not apply"],
    [[1], { op: "add", path: "/01", value: 1 }, "does not apply"],
    [[1], { op: "add", path: "/-1", value: 1 }, "does not apply"],
    [[1], { op: "add", path: "/1.0", value: 1 }, "does not apply"],
    [[1], { op: "add", path: "/", value: 1 }, "does not apply"],
    [[1], { op: "add", path: "/length", value: 1 }, "does not apply"],
    [{}, { op: "remove", path: "/a" }, "does not apply"],
    [[1], { op: "remove", path: "/1" }, "does not apply"],
    [[1], { op: "remove", path: "/-" }, "does not apply"],
    [{}, { op: "replace", path: "/a", value: 1 }, "does not apply"],
    [{ a: 1 }, { op: "replace", path: "/a" }, "does not apply"],
    [[], { op: "replace", path: "/0", value: 1 }, "does not apply"],
    [{}, { op: "copy", from: "/a", path: "/b" }, "does not apply"],
    [{}, { op: "move", from: "/a", path: "/b" }, "does not apply"],
    [{ a: { b: 1 } }, { op: "move", from: "/a", path: "/a/b" }, "does not apply"],
    // After the removal, the index belongs to another element.
    [[{}, {}], { op: "move", from: "/0", path: "/0/a" }, "does not apply"],
    [[1], { op: "test", path: "/length", value: 1 }, "does not apply"],
    [{ a: 1 }, { op: "test", path: "/a" }, "does not apply"],
    [{ a: 1 }, { op: "test", path: "/a", value: 2 }, "does not apply"],
    [{}, { op: "test", path: "/a", value: 1 }, "does not apply"],
    [{}, { op: "test", path: "/toString", value: 1 }, "does not apply"],
    [{}, { op: "add", path: "/constructor/name", value: 1 }, "does not apply"],
    [{}, { op: "add", path: "/__proto__/a", value: 1 }, "does not apply"],
  ])("on %j: %j %s", (document, operation, message) => {
    const work = () => apply(document, operation);
    expect(work).toThrow(PatchError);
    expect(work).toThrow(message);
  });

  it("has names such as __proto__ as any other", () => {
    const box = { root: {} };
    applyOperation(box, { op: "add", path: "/__proto__", value: 1 });
    expect(JSON.stringify(box.root)).toBe('{"__proto__":1}');
    expect(Object.getPrototypeOf(box.root)).toBe(Object.prototype);
    const copied = apply({ a: 1 }, { op: "add", path: "/b", value: PROTO }) as { b: object };
    expect(JSON.stringify(copied.b)).toBe('{"__proto__":1}');
    expect(JSON.stringify(apply(PROTO, { op: "remove", path: "/__proto__" }))).toBe("{}");
  });

  it("keeps numbers as they are written, and compares them by value", () => {
    const value = parseJson("1.0");
    expect(value).toBeInstanceOf(JsonNumber);
    const box = { root: {} as Record<string, unknown> };
    applyOperation(box, { op: "add", path: "/a", value });
    expect(box.root["a"]).toBe(value);
    expect(() => applyOperation(box, { op: "test", path: "/a", value: 1 })).not.toThrow();
  });

  it("does not change the value in the patch later", () => {
    const operation = { op: "add", path: "/a", value: { list: [1] } };
    const box = { root: {} };
    applyOperation(box, operation);
    applyOperation(box, { op: "add", path: "/a/list/-", value: 2 });
    applyOperation(box, { op: "copy", from: "/a", path: "/b" });
    applyOperation(box, { op: "add", path: "/b/list/-", value: 3 });
    expect(operation.value).toEqual({ list: [1] });
    expect(box.root).toEqual({ a: { list: [1, 2] }, b: { list: [1, 2, 3] } });
  });
});
