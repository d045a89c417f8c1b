/** The part of JSON Schema that resource types are written in. */
export interface JsonSchema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly default?: unknown;
  readonly sensitive?: boolean;
}

/**
 * Fills in defaults, and drops `null` where nothing was meant: the Nix side sends an option that was not set
 * as `null`. What is wrong stays as it is, for the validator to report.
 */
export function normalize(schema: JsonSchema, value: unknown): unknown {
  if (Array.isArray(value)) {
    return schema.items === undefined ? value : value.map((item) => normalize(schema.items!, item));
  }
  if (!isObject(value)) return value;
  if (schema.anyOf !== undefined) {
    const branch = schema.anyOf.find((option) => option.type === "object");
    return branch === undefined ? value : normalize(branch, value);
  }
  const values = Object.values(schema.patternProperties ?? {})[0];
  const fields = new Map(
    Object.entries(value).map(([name, field]) => {
      const fieldSchema = schema.properties?.[name] ?? values;
      return [name, fieldSchema === undefined ? field : normalize(fieldSchema, field)];
    }),
  );
  for (const [name, fieldSchema] of Object.entries(schema.properties ?? {})) {
    if ((fields.get(name) ?? null) !== null) continue;
    if (fieldSchema.default !== undefined) fields.set(name, structuredClone(fieldSchema.default));
    else if (schema.required?.includes(name) !== true) fields.delete(name);
  }
  return Object.fromEntries(fields);
}

/** Calls `visit` with each string inside a field marked sensitive. */
export function eachSensitive(schema: JsonSchema, value: unknown, visit: (secret: string) => void): void {
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
    const values = Object.values(schema.patternProperties ?? {})[0];
    for (const [name, field] of Object.entries(value)) {
      const fieldSchema = schema.properties?.[name] ?? values;
      if (fieldSchema !== undefined) eachSensitive(fieldSchema, field, visit);
    }
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
