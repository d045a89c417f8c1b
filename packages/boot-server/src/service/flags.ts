import { configSchema } from "./config-schema.ts";

/** One setting: what it is called in the configuration file, and as a flag. */
export interface Setting {
  path: string[];
  /** Without the dashes. */
  flag: string;
  /** `map`: the flag is given once for each `name=value`. */
  kind: "string" | "integer" | "number" | "boolean" | "map";
  description: string;
  default: unknown;
  /** Whether the object around it needs it. */
  required: boolean;
  choices: unknown[] | undefined;
}

/** The part of JSON Schema that the configuration is written in. */
export interface Schema {
  type?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  properties?: Record<string, Schema>;
  patternProperties?: Record<string, Schema>;
  required?: string[];
}

/** Every setting, in the order of the schema. */
export const settings: readonly Setting[] = settingsOf(configSchema, []);

/** Puts the values of flags into a configuration; what is no valid value is left for the validator to report. */
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
  // Something that is no object is the validator's to report, and a flag must not hide it.
  if (inner !== undefined && inner !== null && (typeof inner !== "object" || Array.isArray(inner))) return;
  put((object[name] ??= {}) as Record<string, unknown>, rest, value);
}
