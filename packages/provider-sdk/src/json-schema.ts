/** The part of JSON Schema that resource types are written in, with the SDK's own keywords. */
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
  /** What an error says of a text that does not match `pattern`. */
  readonly patternError?: string;
  /** Whether it is the path of a file on the deploying machine. */
  readonly localPath?: boolean;
  /** Whether its value is kept out of logs and errors. */
  readonly sensitive?: boolean;
}

/** The schema of a field of an object: of that name, or of any name. */
export function schemaOfField(schema: JsonSchema, name: string): JsonSchema | undefined {
  const { properties = {}, patternProperties = {} } = schema;
  return Object.hasOwn(properties, name) ? properties[name] : Object.values(patternProperties)[0];
}

/** The branch of a union for values of this type, `undefined` when there is none; any other schema is its own branch. */
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

/** Whether an object takes exactly one of its fields, as `exactlyOne` declares it. */
export function takesExactlyOne({ minProperties, maxProperties }: JsonSchema): boolean {
  return minProperties === 1 && maxProperties === 1;
}
