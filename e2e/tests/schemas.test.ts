// What holds for the schemas of all resource types of all providers.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";

interface Schema {
  properties?: Record<string, object>;
  required?: string[];
}
interface Manifest {
  resourceTypes: Record<string, { inputs: Schema; outputs: Schema }>;
}

const folder = join(import.meta.dirname, "../../nix/providers");
const types = readdirSync(folder).flatMap((file) => {
  const { resourceTypes } = JSON.parse(readFileSync(join(folder, file), "utf8")) as Manifest;
  return Object.entries(resourceTypes).map(([type, schemas]) => [`${file} ${type}`, schemas] as const);
});

describe.each(types)("%s", (_, { inputs, outputs }) => {
  it("declares only outputs that are always there: an expression may ask for all of them at once", () => {
    expect(outputs.required ?? []).toEqual(Object.keys(outputs.properties ?? {}));
  });

  it("has a sentence for every pattern", () => {
    const mute = subschemas({ inputs, outputs }).filter(({ pattern, patternError }) => {
      return pattern !== undefined && typeof patternError !== "string";
    });
    expect(mute).toEqual([]);
  });
});

function subschemas(schema: object): Record<string, unknown>[] {
  return Object.entries(schema).flatMap(([name, value]) =>
    typeof value === "object" && value !== null && name !== "default" ? [value, ...subschemas(value)] : [],
  ) as Record<string, unknown>[];
}
