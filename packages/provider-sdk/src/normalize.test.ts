import { describe, expect, it } from "@jest/globals";
import { eachSensitive, normalize, type JsonSchema } from "./normalize.ts";
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
}) as JsonSchema;

describe("normalize", () => {
  it("fills in defaults, also for null and inside lists", () => {
    expect(normalize(schema, { name: "a", port: null, hops: [{ host: "b", port: null }] })).toEqual({
      name: "a",
      port: 22,
      hops: [{ host: "b", port: 22 }],
    });
  });

  it("drops a null that stands for an option that was not set, and only that", () => {
    const given = { name: null, anything: null, comment: null, key: { file: "/k", value: null, env: null } };
    expect(normalize(schema, given)).toEqual({
      name: null,
      anything: null,
      key: { file: "/k" },
      port: 22,
      hops: [],
    });
  });

  it("gives each resource its own copy of a default", () => {
    const one = normalize(schema, {}) as { hops: unknown[] };
    one.hops.push("changed");
    expect(normalize(schema, {})).toMatchObject({ hops: [] });
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
});
