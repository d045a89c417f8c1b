import { describe, expect, it } from "@jest/globals";
import { branchFor, type JsonSchema, schemaOfField, takesExactlyOne } from "./json-schema.ts";

const text: JsonSchema = { type: "string" };
const integer: JsonSchema = { type: "integer" };
const names: JsonSchema = { enum: ["all", "none"] };
const list: JsonSchema = { type: "array" };
const object: JsonSchema = { type: "object" };
const nothing: JsonSchema = { type: "null" };
const anything: JsonSchema = {};

describe("schemaOfField", () => {
  const schema: JsonSchema = { properties: { name: text }, patternProperties: { "^.*$": integer } };

  it.each<[string, JsonSchema, string, JsonSchema | undefined]>([
    ["is the property of that name", schema, "name", text],
    ["is the one for all other names", schema, "size", integer],
    ["is no property that every object has", schema, "constructor", integer],
    ["is missing for an unknown field", { properties: { name: text } }, "size", undefined],
    ["is missing in a schema without fields", text, "constructor", undefined],
  ])("%s", (_, schema, name, expected) => {
    expect(schemaOfField(schema, name)).toBe(expected);
  });
});

describe("branchFor", () => {
  const nested: JsonSchema = { anyOf: [text, list] };

  it.each<[string, JsonSchema, unknown, JsonSchema | undefined]>([
    ["a schema that is no union, whatever the value", text, 1, text],
    ["the branch of a string", { anyOf: [integer, text] }, "a", text],
    ["the branch of an integer", { anyOf: [text, integer] }, 1, integer],
    ["no branch for a fraction", { anyOf: [text, integer] }, 1.5, undefined],
    ["the branch of a list", { anyOf: [object, list] }, [], list],
    ["the branch of an object", { anyOf: [list, nothing, object] }, {}, object],
    ["the branch of null", { anyOf: [object, nothing] }, null, nothing],
    ["no branch for null among lists and objects", { anyOf: [object, list] }, null, undefined],
    ["an enumeration for a value of its type", { anyOf: [integer, names] }, "other", names],
    ["no enumeration for a value of another type", { anyOf: [names, integer] }, 1, integer],
    ["a union inside of a union", { anyOf: [integer, nested] }, [], nested],
    ["no union inside of a union for another type", { anyOf: [nested, integer] }, 1, integer],
    ["a schema without a type for any value", { anyOf: [text, anything] }, null, anything],
  ])("is %s", (_, schema, value, expected) => {
    expect(branchFor(schema, value)).toBe(expected);
  });
});

it.each<[boolean, JsonSchema]>([
  [true, { minProperties: 1, maxProperties: 1 }],
  [false, { minProperties: 1, maxProperties: 2 }],
  [false, { minProperties: 0, maxProperties: 1 }],
  [false, { minProperties: 1 }],
  [false, { maxProperties: 1 }],
  [false, {}],
])("takesExactlyOne is %s for %j", (expected, schema) => {
  expect(takesExactlyOne(schema)).toBe(expected);
});
