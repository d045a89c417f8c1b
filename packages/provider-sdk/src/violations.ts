import { isObject, JsonNumber } from "@nixops4-providers/json";
import { ProviderError } from "./errors.ts";
import { type JsonSchema, schemaOfField } from "./normalize.ts";
import type { Violation } from "./resource.ts";
import type { Contract, SchemaError } from "./contracts.ts";

/** All that is wrong with a value, in words. The value itself is never quoted: it may be secret. */
export function violationsOf({ schema, check }: Contract, value: unknown): Violation[] {
  const errors = check(value);
  const violations = errors
    // The branches of a union report one by one what the union as a whole reports better.
    .filter(({ keyword }) => keyword !== "anyOf" || errors.length === 1)
    .map((error) => toViolation(error, schema, value));
  return [
    ...new Map(violations.map((violation) => [violation.path + violation.message, violation])).values(),
  ];
}

/** Paths that a shell would have expanded. */
export function unexpandedPaths(schema: JsonSchema, value: unknown, path = ""): Violation[] {
  if (schema.localPath === true && typeof value === "string" && value.startsWith("~")) {
    const message = "must not begin with `~`, which is not expanded: write the whole path";
    return [{ path, message }];
  }
  if (Array.isArray(value)) {
    return value.flatMap((item, index) => unexpandedPaths(schema.items ?? {}, item, `${path}[${index}]`));
  }
  if (!isObject(value)) return [];
  const object = schema.anyOf?.find(({ type }) => type === "object") ?? schema;
  return Object.entries(value).flatMap(([name, field]) =>
    unexpandedPaths(schemaOfField(object, name) ?? {}, field, path === "" ? name : `${path}.${name}`),
  );
}

/** One error for all violations, each on a line with its path. */
export function refuse(what: string, violations: readonly Violation[]): ProviderError {
  const lines = violations.map(({ path, message }) => `  ${path === "" ? "(all)" : path}: ${message}`);
  return new ProviderError(`${what}:\n${lines.join("\n")}`);
}

function toViolation(
  { instancePath, keyword, params, message }: SchemaError,
  root: JsonSchema,
  value: unknown,
) {
  const segments = instancePath.split("/").slice(1).map(unescapePointer);
  const at = (...more: string[]) => formatPath([...segments, ...more]);
  switch (keyword) {
    case "additionalProperties": {
      const known = Object.keys(schemaAt(root, segments)?.properties ?? {});
      return {
        path: at(params["additionalProperty"] as string),
        message: `unknown field; known fields are ${known.length === 0 ? "none" : known.join(", ")}`,
      };
    }
    case "required":
      return { path: at(params["missingProperty"] as string), message: "is required" };
    case "enum":
      return {
        path: at(),
        message: `must be one of ${(params["allowedValues"] as unknown[]).map((one) => JSON.stringify(one)).join(", ")}`,
      };
    case "type": {
      const wanted = String(params["type"]);
      const forms = wanted === "object" ? formsOf(schemaAt(root, segments)) : "";
      return { path: at(), message: `must be ${wanted}, is ${typeAt(value, segments)}${forms}` };
    }
    case "minLength":
      return { path: at(), message: atLeast(params["limit"] as number, "character") };
    case "minItems":
      return { path: at(), message: atLeast(params["limit"] as number, "item") };
    case "pattern":
    case "format":
      return { path: at(), message: schemaAt(root, segments)?.patternError ?? message ?? "does not match" };
    case "minProperties":
    case "maxProperties":
      return {
        path: at(),
        message: `must have exactly one of ${Object.keys(schemaAt(root, segments)?.properties ?? {}).join(", ")}`,
      };
    default:
      return { path: at(), message: message ?? `violates ${keyword}` };
  }
}

function atLeast(limit: number, what: string): string {
  return limit === 1 ? "must not be empty" : `must have at least ${limit} ${what}s`;
}

function formsOf({ properties = {}, maxProperties }: JsonSchema = {}): string {
  const names = Object.keys(properties);
  if (names.length === 0) return "";
  return `; it takes ${maxProperties === 1 ? "exactly one of the fields" : "the fields"} ${names.join(", ")}`;
}

function schemaAt(root: JsonSchema, segments: readonly string[]): JsonSchema | undefined {
  let schema: JsonSchema | undefined = root;
  for (const segment of segments) {
    const object: JsonSchema | undefined = schema?.anyOf?.find(({ type }) => type === "object") ?? schema;
    schema = object?.items ?? schemaOfField(object ?? {}, segment);
  }
  return schema?.anyOf?.find(({ type }) => type === "object") ?? schema;
}

function typeAt(value: unknown, segments: readonly string[]): string {
  for (const segment of segments) {
    value = isObject(value) || Array.isArray(value) ? (value as Record<string, unknown>)[segment] : undefined;
  }
  if (value === null) return "null";
  if (value instanceof JsonNumber) return "a number with more digits than can be kept";
  return Array.isArray(value) ? "array" : typeof value;
}

function formatPath(segments: readonly string[]): string {
  return segments
    .map((segment, index) => (/^\d+$/.test(segment) ? `[${segment}]` : `${index === 0 ? "" : "."}${segment}`))
    .join("");
}

function unescapePointer(segment: string): string {
  return segment.replaceAll("~1", "/").replaceAll("~0", "~");
}
