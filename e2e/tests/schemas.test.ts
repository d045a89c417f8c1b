// Tests the schemas of all resource types of all providers.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import type { JsonSchema } from "@nixops4-providers/provider-sdk";

interface Manifest {
  resourceTypes: Record<string, { inputs: JsonSchema; outputs: JsonSchema }>;
}

const folder = join(import.meta.dirname, "../../nix/providers");
const types = readdirSync(folder).flatMap((file) => {
  const { resourceTypes } = JSON.parse(readFileSync(join(folder, file), "utf8")) as Manifest;
  return Object.entries(resourceTypes).map(([type, schemas]) => [`${file} ${type}`, schemas] as const);
});

describe.each(types)("%s", (_, { inputs, outputs }) => {
  it("declares only outputs that are always set, since an expression may use all of them", () => {
    expect(outputs.required ?? []).toEqual(Object.keys(outputs.properties ?? {}));
  });

  it("has a sentence for every pattern", () => {
    const mute = subschemas({ inputs, outputs }).filter(({ pattern, patternError }) => {
      return pattern !== undefined && typeof patternError !== "string";
    });
    expect(mute).toEqual([]);
  });
});

describe("every input in seconds", () => {
  // The boot service stores these times of a machine in whole seconds.
  const others = ["expireSeconds", "silenceSeconds"];

  it.each(types)("of %s is a number, above 0 or from 0", (_, { inputs }) => {
    for (const [name, schema] of secondsIn(inputs)) {
      if (others.includes(name)) continue;
      const lowest = schema.minimum === 0 ? { minimum: 0 } : { exclusiveMinimum: 0 };
      expect([name, schema]).toEqual([
        name,
        expect.objectContaining({ type: "number", maximum: 2 ** 31 - 1, ...lowest }),
      ]);
    }
  });
});

function secondsIn(schema: object): [string, JsonSchema][] {
  return Object.entries(schema).flatMap(([name, value]) =>
    typeof value !== "object" || value === null || name === "default"
      ? []
      : [
          ...(/seconds$/i.test(name) ? [[name, value as JsonSchema] as [string, JsonSchema]] : []),
          ...secondsIn(value),
        ],
  );
}

function subschemas(schema: object): Record<string, unknown>[] {
  return Object.entries(schema).flatMap(([name, value]) =>
    typeof value === "object" && value !== null && name !== "default" ? [value, ...subschemas(value)] : [],
  ) as Record<string, unknown>[];
}
