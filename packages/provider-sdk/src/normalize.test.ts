import { describe, expect, it } from "@jest/globals";
import { JsonNumber } from "@nixops4-providers/json";
import type { JsonSchema } from "./json-schema.ts";
import { eachSensitive, normalize } from "./normalize.ts";
import { fields, nullable, secretRef } from "./schema.ts";
import { Type } from "./type.ts";

const schema = fields({
  name: Type.String(),
  port: Type.Integer({ default: 22 }),
  anything: Type.Unknown(),
  comment: Type.Optional(Type.String()),
  key: Type.Optional(secretRef("A key.")),
  hops: Type.Array(fields({ host: Type.String(), port: Type.Integer({ default: 22 }) }), { default: [] }),
  result: nullable(fields({ token: Type.String({ sensitive: true }) })),
  labels: Type.Record(Type.String(), Type.Unknown(), { default: {} }),
}) as JsonSchema;

const withPort = fields({ port: Type.Integer({ default: 22 }) });

describe("normalize", () => {
  it("fills in defaults, also for null and inside lists", () => {
    expect(normalize(schema, { name: "a", port: null, hops: [{ host: "b", port: null }] })).toEqual({
      name: "a",
      port: 22,
      hops: [{ host: "b", port: 22 }],
      labels: {},
    });
  });

  it("fills in defaults inside of a default", () => {
    const wait = fields({ seconds: Type.Integer({ default: 10 }) }, { default: {} });
    expect(normalize(fields({ wait }) as JsonSchema, {})).toEqual({ wait: { seconds: 10 } });
  });

  it("drops a null that stands for an option that was not set, and only that", () => {
    const given = { name: null, anything: null, comment: null, key: { file: "/k", value: null, env: null } };
    expect(normalize(schema, given)).toEqual({
      name: null,
      anything: null,
      key: { file: "/k" },
      port: 22,
      hops: [],
      labels: {},
    });
  });

  it("fills in the defaults inside of a default", () => {
    const server = fields({ port: Type.Integer({ default: 22 }) }, { default: {} });
    const outer = fields({ server, inner: fields({ server }, { default: {} }) }) as JsonSchema;
    const expected = { server: { port: 22 }, inner: { server: { port: 22 } } };
    for (const given of [{}, { server: null }, { server: {}, inner: { server: null } }]) {
      expect(normalize(outer, given)).toEqual(expected);
    }
  });

  it("knows fields by their own names, not by those that every object has", () => {
    const labels = JSON.parse('{"constructor":null,"__proto__":{"a":null},"toString":1}') as object;
    expect(JSON.stringify(normalize(schema, { labels }))).toContain(
      '"labels":{"constructor":null,"__proto__":{"a":null},"toString":1}',
    );
    const unknown = JSON.parse('{"constructor":{"a":null},"__proto__":{"port":null}}') as object;
    expect(JSON.stringify(normalize(schema, unknown))).toContain(
      '{"constructor":{"a":null},"__proto__":{"port":null}',
    );
  });

  it("gives each resource its own copy of a default", () => {
    const one = normalize(schema, {}) as { hops: unknown[] };
    one.hops.push("changed");
    expect(normalize(schema, {})).toMatchObject({ hops: [] });
  });

  it.each<[string, JsonSchema, unknown, unknown]>([
    ["in the branch of a union", nullable(withPort) as JsonSchema, {}, { port: 22 }],
    ["not in a null", nullable(withPort) as JsonSchema, null, null],
    ["not in a value that no branch takes", nullable(withPort) as JsonSchema, "text", "text"],
    ["not in a list without a schema for its items", { type: "array" }, [{}], [{}]],
  ])("fills in defaults %s", (_, schema, given, expected) => {
    expect(normalize(schema, given)).toEqual(expected);
  });

  const half = new JsonNumber("0.50");
  const large = new JsonNumber("9007199254740993");
  it.each<[string, JsonSchema, JsonNumber, unknown]>([
    ["where anything is allowed", {}, half, half],
    ["for a number", { type: "number" }, half, 0.5],
    ["for a union", { anyOf: [{ type: "string" }, { type: "number" }] }, half, 0.5],
    ["for an enumeration", { enum: [0.5] }, half, 0.5],
    ["that no number of JavaScript has", { type: "integer" }, large, large],
  ])("takes a number %s", (_, schema, given, expected) => {
    expect(normalize(schema, given)).toBe(expected);
  });

  it("leaves what it does not know for the validator", () => {
    expect(normalize(schema, { extra: 1, hops: "no list" })).toMatchObject({ extra: 1, hops: "no list" });
  });
});

describe("eachSensitive", () => {
  it("finds secrets in nested objects and unions", () => {
    const found: string[] = [];
    eachSensitive(schema, { key: { value: "s3cret" }, result: { token: "t0ken" }, name: "a" }, (secret) =>
      found.push(secret),
    );
    expect(found.toSorted()).toEqual(["s3cret", "t0ken"]);
  });

  it.each<[string, unknown, string[]]>([
    ["a text", "a", ["a"]],
    ["a list", ["a", ["b"], 1], ["a", "b"]],
    ["an object", { x: "a", y: { z: "b" } }, ["a", "b"]],
    ["null", null, []],
    ["a number", 7, []],
  ])("finds each text of a secret that is %s", (_, value, expected) => {
    const found: string[] = [];
    eachSensitive({ properties: { secret: { sensitive: true } } }, { secret: value, name: "n" }, (secret) =>
      found.push(secret),
    );
    expect(found).toEqual(expected);
  });

  it.each<[string, JsonSchema, unknown, string[]]>([
    ["in a list", { items: { sensitive: true } }, ["a", "b"], ["a", "b"]],
    ["in a field of any name", { patternProperties: { "^.*$": { sensitive: true } } }, { x: "a" }, ["a"]],
    ["in no field without a schema", { properties: {} }, { x: "a" }, []],
    ["in no list without a schema", {}, ["a"], []],
    ["in no text of another branch", { anyOf: [{ items: { sensitive: true } }] }, "a", []],
  ])("finds secrets %s", (_, schema, value, expected) => {
    const found: string[] = [];
    eachSensitive(schema, value, (secret) => found.push(secret));
    expect(found).toEqual(expected);
  });
});
