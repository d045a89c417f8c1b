/** The subset of JSON Schema that resource types use, with the keywords of the SDK. */
export interface JsonSchema {
  readonly title?: string;
  readonly description?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly default?: unknown;
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly pattern?: string;
  /** The error for a text that does not match `pattern`. */
  readonly patternError?: string;
  /** Whether the value is the path of a file on the deploying machine. */
  readonly localPath?: boolean;
  /** Whether the value is replaced by `[secret]` in logs and errors. */
  readonly sensitive?: boolean;
}

/** Returns the schema of a field of an object: the property of that name, or else the one for all other names. */
export function schemaOfField(schema: JsonSchema, name: string): JsonSchema | undefined {
  const { properties = {}, patternProperties = {} } = schema;
  return Object.hasOwn(properties, name) ? properties[name] : Object.values(patternProperties)[0];
}

const containing = {
  localPath: new WeakMap<JsonSchema, boolean>(),
  sensitive: new WeakMap<JsonSchema, boolean>(),
};

/** Returns whether a schema or a part of it has a keyword. Otherwise a large value need not be searched for it. */
export function hasKeyword(schema: JsonSchema, keyword: keyof typeof containing): boolean {
  const known = containing[keyword].get(schema);
  if (known !== undefined) return known;
  const { anyOf = [], items, properties = {}, patternProperties = {} } = schema;
  const parts = [...anyOf, ...Object.values(properties), ...Object.values(patternProperties)];
  if (items !== undefined) parts.push(items);
  const has = schema[keyword] === true || parts.some((part) => hasKeyword(part, keyword));
  containing[keyword].set(schema, has);
  return has;
}

/** Returns the branch of a union that takes values of this type, if there is one. A schema that is no union is its own branch. */
export function branchFor(schema: JsonSchema, value: unknown): JsonSchema | undefined {
  return schema.anyOf === undefined ? schema : schema.anyOf.find((branch) => takesType(branch, value));
}

function takesType({ type, anyOf, enum: values }: JsonSchema, value: unknown): boolean {
  if (anyOf !== undefined) return anyOf.some((branch) => takesType(branch, value));
  if (values !== undefined) return values.some((one) => typeof one === typeof value);
  if (type === "integer") return Number.isInteger(value);
  return type === undefined || type === typeName(value);
}

function typeName(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

/** Returns whether the schema was declared by `exactlyOne`. */
export function takesExactlyOne({ minProperties, maxProperties }: JsonSchema): boolean {
  return minProperties === 1 && maxProperties === 1;
}
