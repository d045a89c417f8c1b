import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { isIP } from "node:net";
import { Ajv } from "ajv";
import {
  normalize,
  ProviderError,
  refuse,
  pathViolations,
  violationsOf,
} from "@nixops4-providers/provider-sdk";
import { configSchema, type Config } from "./config-schema.ts";
import { applyFlags } from "./flags.ts";

/** Firmware has little memory. A larger file is a kernel by mistake. */
const MAX_NBP_BYTES = 32 * 1024 * 1024;

const schema = configSchema as Parameters<typeof normalize>[0];

export type FlagValues = Parameters<typeof applyFlags>[1];

/**
 * Loads the configuration from a file and flags. A flag overrides the file. Throws one error with all violations.
 *
 * @param path the path of the file. `undefined` to use only flags and defaults.
 */
export async function loadConfig(path: string | undefined, flags: FlagValues): Promise<Config> {
  const written = applyFlags(path === undefined ? {} : await readObject(path), flags);
  const config = checkConfig(written, path === undefined ? "the flags" : path);
  return { ...config, nbps: await checkNbps(config.nbps, (written["nbps"] ?? undefined) !== undefined) };
}

/**
 * Checks a configuration, and sets the defaults.
 *
 * @param source the name of the source in errors
 */
export function checkConfig(written: unknown, source: string): Config {
  // Twice, because the default of an omitted object has fields with defaults.
  const value = normalize(schema, normalize(schema, written));
  const validate = newAjv().compile(configSchema);
  const check = (config: unknown) => (validate(config) ? [] : (validate.errors ?? []));
  const violations = [...violationsOf({ schema, check }, value), ...pathViolations(schema, value)];
  if (violations.length > 0) throw refuse(`the configuration is not valid (${source})`, violations);
  return value as Config;
}

function newAjv(): Ajv {
  return new Ajv({ allErrors: true, strict: true })
    .addFormat("ip", (text) => isIP(text) !== 0)
    .addVocabulary(["patternError", "localPath"]);
}

async function readObject(path: string): Promise<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    throw new ProviderError(`cannot read the configuration ${path}`, { cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ProviderError(`the configuration ${path} is not a JSON object`);
  }
  return value as Record<string, unknown>;
}

/** Checks the boot programs. Default ones may be missing, configured ones may not. */
async function checkNbps(nbps: Config["nbps"], named: boolean): Promise<Config["nbps"]> {
  const files = Object.entries(nbps).filter(([, file]) => named || existsSync(file));
  const problems = await Promise.all(
    files.map(async ([name, file]) => ({ name, problem: await problemOf(name, file) })),
  );
  const violations = problems.flatMap(({ name, problem }) =>
    problem === undefined ? [] : [{ path: `nbps.${name}`, message: problem }],
  );
  if (violations.length > 0) throw refuse("the configuration is not valid", violations);
  return Object.fromEntries(files);
}

async function problemOf(name: string, file: string): Promise<string | undefined> {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name))
    return "the name must consist of letters, digits, dots, underscores and hyphens, and begin with a letter or digit";
  try {
    const stats = await stat(file);
    if (!stats.isFile()) return `${file} is not a file`;
    if (stats.size <= MAX_NBP_BYTES) return undefined;
    return `${file} has ${stats.size} bytes, and a boot program must have at most ${MAX_NBP_BYTES}: set a kernel in an entry instead`;
  } catch (error) {
    return (error as Error).message;
  }
}
