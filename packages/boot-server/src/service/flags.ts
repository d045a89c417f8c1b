import { configSchema } from "./config-schema.ts";

/** A setting, with its path in the configuration file and its flag. */
export interface Setting {
  path: string[];
  /** Without the dashes. */
  flag: string;
  /** The flag of a `map` is repeated for each `name=value`. */
  kind: "string" | "integer" | "number" | "boolean" | "map";
  description: string;
  default: unknown;
  /** Whether the object that contains it requires it. */
  required: boolean;
  choices: unknown[] | undefined;
}

/** The part of JSON Schema that the configuration schema uses. */
export interface Schema {
  type?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  properties?: Record<string, Schema>;
  patternProperties?: Record<string, Schema>;
  required?: string[];
}

/** All settings, in the order of the schema. */
export const settings: readonly Setting[] = settingsOf(configSchema, []);

/** Returns the configuration with the values of flags. Invalid values are kept, so that the validator reports them. */
export function applyFlags(
  config: Record<string, unknown>,
  values: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>,
): Record<string, unknown> {
  const result = structuredClone(config);
  for (const setting of settings) {
    const value = values[setting.flag];
    if (value !== undefined) put(result, setting.path, parse(setting.kind, value));
  }
  return result;
}

function settingsOf(object: Schema, parents: string[]): Setting[] {
  return Object.entries(object.properties ?? {}).flatMap(([name, schema]) => {
    const path = [...parents, name];
    if (schema.properties !== undefined) return settingsOf(schema, path);
    return [
      {
        path,
        flag: path.map((part) => part.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)).join("-"),
        kind: schema.patternProperties === undefined ? kindOf(schema) : "map",
        description: schema.description ?? "",
        default: schema.default,
        required: object.required?.includes(name) === true && schema.default === undefined,
        choices: schema.enum,
      },
    ];
  });
}

function kindOf({ type }: Schema): Setting["kind"] {
  return type === "integer" || type === "number" || type === "boolean" ? type : "string";
}

function parse(kind: Setting["kind"], value: string | boolean | (string | boolean)[]): unknown {
  if (kind === "map") {
    const pairs = [value].flat().map((pair) => /^([^=]*)=?(.*)$/s.exec(String(pair))!);
    return Object.fromEntries(pairs.map(([, name, rest]) => [name, rest]));
  }
  if (kind === "boolean") return value === "true" ? true : value === "false" ? false : value;
  if (kind === "string") return value;
  return /^-?\d+(\.\d+)?$/.test(String(value)) ? Number(value) : value;
}

function put(object: Record<string, unknown>, path: string[], value: unknown): void {
  const [name, ...rest] = path as [string, ...string[]];
  if (rest.length === 0) {
    object[name] = value;
    return;
  }
  const inner = object[name];
  // A value that is not an object stays, so that the validator reports it.
  if (inner !== undefined && inner !== null && (typeof inner !== "object" || Array.isArray(inner))) return;
  put((object[name] ??= {}) as Record<string, unknown>, rest, value);
}
