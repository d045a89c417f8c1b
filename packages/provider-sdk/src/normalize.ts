import { isObject, JsonNumber } from "@nixops4-providers/json";
import { branchFor, hasKeyword, type JsonSchema, schemaOfField } from "./json-schema.ts";

/**
 * Returns the inputs with defaults filled in, without `null` for options that were not set (Nix sends them so), and with
 * ordinary numbers where the schema declares a number. Invalid values stay, for the validator to report.
 */
export function normalize(schema: JsonSchema, value: unknown): unknown {
  if (value instanceof JsonNumber) return isAnything(schema) ? value : (value.toNumber() ?? value);
  if (schema.anyOf !== undefined) {
    const branch = branchFor(schema, value);
    return branch === undefined ? value : normalize(branch, value);
  }
  if (Array.isArray(value)) {
    return schema.items === undefined ? value : value.map((item) => normalize(schema.items!, item));
  }
  if (!isObject(value)) return value;
  const fields = new Map(
    Object.entries(value).map(([name, field]) => {
      const known = schemaOfField(schema, name);
      return [name, known === undefined ? field : normalize(known, field)];
    }),
  );
  for (const [name, fieldSchema] of Object.entries(schema.properties ?? {})) {
    if ((fields.get(name) ?? null) !== null) continue;
    if (fieldSchema.default !== undefined) {
      fields.set(name, normalize(fieldSchema, fieldSchema.default));
    } else if (schema.required?.includes(name) !== true) fields.delete(name);
  }
  return Object.fromEntries(fields);
}

function isAnything({ type, anyOf, enum: values }: JsonSchema): boolean {
  return type === undefined && anyOf === undefined && values === undefined;
}

/** Calls `visit` with each string in a field that is marked as sensitive. */
export function eachSensitive(schema: JsonSchema, value: unknown, visit: (secret: string) => void): void {
  if (!hasKeyword(schema, "sensitive")) return;
  if (schema.sensitive === true) {
    if (typeof value === "string") visit(value);
    else if (typeof value === "object" && value !== null) {
      for (const inner of Object.values(value)) eachSensitive({ sensitive: true }, inner, visit);
    }
    return;
  }
  for (const option of schema.anyOf ?? []) eachSensitive(option, value, visit);
  if (Array.isArray(value) && schema.items !== undefined) {
    for (const item of value) eachSensitive(schema.items, item, visit);
  } else if (isObject(value)) {
    for (const [name, field] of Object.entries(value)) {
      const fieldSchema = schemaOfField(schema, name);
      if (fieldSchema !== undefined) eachSensitive(fieldSchema, field, visit);
    }
  }
}
