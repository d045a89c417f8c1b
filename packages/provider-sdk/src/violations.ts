import { isObject, JsonNumber } from "@nixops4-providers/json";
import { ProviderError } from "./errors.ts";
import { branchFor, hasKeyword, type JsonSchema, schemaOfField, takesExactlyOne } from "./json-schema.ts";
import type { Violation } from "./resource.ts";
import type { Contract, SchemaError } from "./contracts.ts";

/** Returns all violations of a schema. The value is not quoted, since it may be secret. */
export function violationsOf({ schema, check }: Contract, value: unknown): Violation[] {
  const errors = check(value);
  const violations = errors
    .filter((error) => !isExplained(error, errors, schema, value))
    .map((error) => toViolation(error, schema, value));
  return [
    ...new Map(violations.map((violation) => [violation.path + violation.message, violation])).values(),
  ];
}

/**
 * Returns whether another error is more useful. A validator reports the errors of each branch of a union. For a value whose
 * type no branch takes, the error of the union stays; for any other, the errors of the branch of its type.
 */
function isExplained(
  error: SchemaError,
  errors: readonly SchemaError[],
  schema: JsonSchema,
  value: unknown,
): boolean {
  const { instancePath: path, keyword } = error;
  const unions = errors.filter((one) => one.keyword === "anyOf" && one !== error);
  const fits = (union: SchemaError) => {
    const segments = segmentsOf(union);
    return branchFor(unionAt(schema, value, segments), valueAt(value, segments)) !== undefined;
  };
  if (unions.some((union) => isWithin(path, union.instancePath) && !fits(union))) return true;
  if (keyword === "anyOf") return fits(error);
  return keyword === "type" && unions.some(({ instancePath }) => instancePath === path);
}

function isWithin(path: string, outer: string): boolean {
  return path === outer || path.startsWith(`${outer}/`);
}

/** Returns the violations of local paths: a `~` that only a shell would expand, and NUL characters, which no path can have. */
export function pathViolations(schema: JsonSchema, value: unknown, path = ""): Violation[] {
  const branch = branchFor(schema, value);
  if (branch === undefined || !hasKeyword(branch, "localPath")) return [];
  if (branch.localPath === true && typeof value === "string") {
    const message = refusePath(value);
    return message === undefined ? [] : [{ path, message }];
  }
  if (Array.isArray(value)) {
    return value.flatMap((item, index) => pathViolations(branch.items ?? {}, item, `${path}[${index}]`));
  }
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, field]) =>
    pathViolations(schemaOfField(branch, name) ?? {}, field, path === "" ? name : `${path}.${name}`),
  );
}

function refusePath(path: string): string | undefined {
  if (path.startsWith("~")) return "must not begin with `~`, which is not expanded: write the whole path";
  return path.includes("\0") ? "must not contain NUL characters" : undefined;
}

/** Returns one error for all violations, each on a line with its path. */
export function refuse(what: string, violations: readonly Violation[]): ProviderError {
  const lines = violations.map(({ path, message }) => `  ${path === "" ? "(all)" : path}: ${message}`);
  return new ProviderError(`${what}:\n${lines.join("\n")}`);
}

function toViolation(error: SchemaError, root: JsonSchema, value: unknown): Violation {
  const { keyword, params } = error;
  const segments = segmentsOf(error);
  const union = unionAt(root, value, segments);
  const found = valueAt(value, segments);
  const schema = branchFor(union, found) ?? union;
  const field = keyword === "additionalProperties" ? "additionalProperty" : "missingProperty";
  const name = params[field] as string | undefined;
  return {
    path: formatPath(name === undefined ? segments : [...segments, name]),
    message:
      keyword === "anyOf"
        ? `must be ${inWords(union)}, is ${typeOf(found)}`
        : messageOf(error, schema, found),
  };
}

function messageOf({ keyword, params, message }: SchemaError, schema: JsonSchema, value: unknown): string {
  const fieldNames = Object.keys(schema.properties ?? {}).join(", ");
  switch (keyword) {
    case "additionalProperties":
      return `unknown field; known fields are ${fieldNames === "" ? "none" : fieldNames}`;
    case "required":
      return "is required";
    case "enum":
      return `must be one of ${listOf(params["allowedValues"] as unknown[])}`;
    case "type": {
      const wanted = String(params["type"]);
      return `must be ${wanted}, is ${typeOf(value)}${wanted === "object" ? formsOf(schema, fieldNames) : ""}`;
    }
    case "minLength":
      return atLeast(params["limit"] as number, "character");
    case "minItems":
      return atLeast(params["limit"] as number, "item");
    case "pattern":
    case "format":
      return schema.patternError ?? message ?? "does not match";
    case "minProperties":
    case "maxProperties":
      if (takesExactlyOne(schema)) return `must have exactly one of ${fieldNames}`;
  }
  return message ?? `violates ${keyword}`;
}

function atLeast(limit: number, what: string): string {
  return limit === 1 ? "must not be empty" : `must have at least ${limit} ${what}s`;
}

function formsOf(schema: JsonSchema, fieldNames: string): string {
  if (fieldNames === "") return "";
  return `; it takes ${takesExactlyOne(schema) ? "exactly one of the fields" : "the fields"} ${fieldNames}`;
}

/** Returns what a schema takes in words, such as `a string or a list of strings`. */
function inWords({ type = "value", enum: values, anyOf, items }: JsonSchema): string {
  if (anyOf !== undefined) return anyOf.map(inWords).join(" or ");
  if (values !== undefined) return listOf(values);
  if (type === "array") return `a list of ${items?.type ?? "value"}s`;
  return type === "null" ? type : `${/^[aeio]/.test(type) ? "an" : "a"} ${type}`;
}

function listOf(values: readonly unknown[]): string {
  return values.map((value) => JSON.stringify(value)).join(", ");
}

/** Returns the schema of the part of a value at a path. A union counts as one schema. */
function unionAt(root: JsonSchema, value: unknown, segments: readonly string[]): JsonSchema {
  return segments.reduce((schema, segment, index) => {
    const object = branchFor(schema, valueAt(value, segments.slice(0, index))) ?? {};
    return object.items ?? schemaOfField(object, segment) ?? {};
  }, root);
}

function valueAt(value: unknown, segments: readonly string[]): unknown {
  return segments.reduce(
    (inner, segment) =>
      isObject(inner) || Array.isArray(inner) ? (inner as Record<string, unknown>)[segment] : undefined,
    value,
  );
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (value instanceof JsonNumber) return "a number with more digits than can be kept";
  return Array.isArray(value) ? "array" : typeof value;
}

function segmentsOf({ instancePath }: SchemaError): string[] {
  return instancePath.split("/").slice(1).map(unescapePointer);
}

function formatPath(segments: readonly string[]): string {
  return segments
    .map((segment, index) => (/^\d+$/.test(segment) ? `[${segment}]` : `${index === 0 ? "" : "."}${segment}`))
    .join("");
}

function unescapePointer(segment: string): string {
  return segment.replaceAll("~1", "/").replaceAll("~0", "~");
}
