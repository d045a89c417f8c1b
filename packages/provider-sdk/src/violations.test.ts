import { describe, expect, it } from "@jest/globals";
import { createAjv } from "./ajv.ts";
import { exactlyOne, fields, nullable, secondsField } from "./schema.ts";
import { Type } from "./type.ts";
import { pathViolations, violationsOf } from "./violations.ts";

const path = Type.String({ minLength: 1, localPath: true });
const digits = Type.String({ pattern: "^[0-9]+$", patternError: "must be digits" });
const schema = fields({
  files: Type.Optional(Type.Union([path, Type.Array(path)])),
  codes: Type.Optional(Type.Union([digits, Type.Array(digits)])),
  size: Type.Optional(Type.Union([Type.Integer(), Type.Enum(["all", "none"])])),
  text: Type.Optional(nullable(digits)),
  way: Type.Optional(
    Type.Union([Type.Null(), exactlyOne({ by: Type.Optional(path), per: Type.Optional(path) })]),
  ),
  atLeastOne: Type.Optional(fields({ a: Type.Optional(path) }, { minProperties: 1 })),
  one: Type.Optional(exactlyOne({ by: Type.Optional(path), per: Type.Optional(path) })),
  none: Type.Optional(fields({})),
  three: Type.Optional(Type.Array(Type.Integer(), { minItems: 3 })),
  timeoutSeconds: Type.Optional(secondsField("How long.")),
  retrySeconds: Type.Optional(secondsField("How long.", { orZero: true })),
});

function linesOf(value: object): string[] {
  const validate = createAjv().compile(schema);
  const check = (given: unknown) => (validate(given) ? [] : (validate.errors ?? []));
  const violations = violationsOf({ schema: schema, check }, value);
  return violations.map((violation) => `${violation.path}: ${violation.message}`);
}

describe("violationsOf", () => {
  it.each([
    [{ files: 7 }, ["files: must be a string or a list of strings, is number"]],
    [{ files: {} }, ["files: must be a string or a list of strings, is object"]],
    [{ files: null }, ["files: must be a string or a list of strings, is null"]],
    [{ size: 1.5 }, ['size: must be an integer or "all", "none", is number']],
    [{ size: "some" }, ['size: must be one of "all", "none"']],
    [{ size: [] }, ['size: must be an integer or "all", "none", is array']],
    [{ text: true }, ["text: must be a string or null, is boolean"]],
    [{ way: "by" }, ["way: must be null or an object, is string"]],
  ])("tells of %j what the union takes, in one line", (value, lines) => {
    expect(linesOf(value)).toEqual(lines);
  });

  it.each([
    [{ files: "" }, ["files: must not be empty"]],
    [{ files: ["a", "", 7] }, ["files[1]: must not be empty", "files[2]: must be string, is number"]],
    [{ codes: "x" }, ["codes: must be digits"]],
    [{ codes: ["1", "x"] }, ["codes[1]: must be digits"]],
    [{ text: "x" }, ["text: must be digits"]],
    [{ way: {} }, ["way: must have exactly one of by, per"]],
    [{ way: { by: "a", per: "b" } }, ["way: must have exactly one of by, per"]],
    [{ way: { bye: "a" } }, ["way.bye: unknown field; known fields are by, per"]],
  ])("tells of %j what the branch of its type refuses, and nothing of the others", (value, lines) => {
    expect(linesOf(value)).toEqual(lines);
  });

  it.each([
    [{ atLeastOne: "x" }, "atLeastOne: must be object, is string; it takes the fields a"],
    [{ one: [] }, "one: must be object, is array; it takes exactly one of the fields by, per"],
    [{ none: 1 }, "none: must be object, is number"],
    [{ none: { x: 1 } }, "none.x: unknown field; known fields are none"],
    [{ timeoutSeconds: "1" }, "timeoutSeconds: must be number, is string"],
    [{ three: [1] }, "three: must have at least 3 items"],
  ])("tells of %j the type or the fields", (value, line) => {
    expect(linesOf(value)).toEqual([line]);
  });

  it("takes for exactly one of its fields only what says so", () => {
    expect(linesOf({ atLeastOne: {} })).toEqual(["atLeastOne: must NOT have fewer than 1 properties"]);
  });

  it.each([
    [{ timeoutSeconds: 0.001 }, []],
    [{ timeoutSeconds: 2 ** 31 - 1 }, []],
    [{ timeoutSeconds: 0 }, ["timeoutSeconds: must be > 0"]],
    [{ retrySeconds: 0 }, []],
    [{ retrySeconds: -1 }, ["retrySeconds: must be >= 0"]],
    [{ retrySeconds: 2 ** 31 }, ["retrySeconds: must be <= 2147483647"]],
  ])("takes any number of seconds that can be counted: %j", (value, lines) => {
    expect(linesOf(value)).toEqual(lines);
  });
});

describe("pathViolations", () => {
  it("looks into every branch of a union", () => {
    const value = { files: "~/a", way: { by: "~/b" } };
    expect(pathViolations(schema, value).map((violation) => violation.path)).toEqual(["files", "way.by"]);
    expect(pathViolations(schema, { files: ["a", "~/b"] })).toEqual([
      expect.objectContaining({ path: "files[1]" }),
    ]);
  });

  it.each([{ codes: "~1" }, { codes: ["~1"] }, { files: 7 }, { files: [7] }, { other: "~" }, "~", 7])(
    "finds none in %j",
    (value) => expect(pathViolations(schema, value)).toEqual([]),
  );

  it("refuses NUL characters, which no path can have", () => {
    const message = "must not contain NUL characters";
    expect(pathViolations(schema, { files: ["a\0", "b"], way: { by: "\0" } })).toEqual([
      { path: "files[0]", message },
      { path: "way.by", message },
    ]);
  });
});
