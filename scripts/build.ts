// Bundles each provider and each service into one executable file, dist/bin/<executable>.
import { chmod, mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import standalone from "ajv/dist/standalone/index.js";
import { build as bundle, transform, type Metafile, type Plugin } from "esbuild";
import type { Provider, ResourceType } from "@nixops4-providers/provider-sdk";
import { createAjv } from "../packages/provider-sdk/src/ajv.ts";
import { main } from "./lib/main.ts";
import { providerPackages, root, servicePackages } from "./lib/providers.ts";

const bin = join(root, "dist", "bin");

export async function build(): Promise<void> {
  await mkdir(bin, { recursive: true });
  const providers = (await providerPackages()).map(({ folder, provider }) => ({
    folder,
    executable: provider.executable,
    plugins: [readyMadeContracts(provider)],
  }));
  const programs: Program[] = [...providers, ...servicePackages()];
  const metafiles = await Promise.all(programs.map(bundleProgram));
  const executables = programs.map(({ executable }) => executable);
  for (const name of await readdir(bin)) if (!executables.includes(name)) await rm(join(bin, name));
  // Otherwise Node treats the executables as ES modules, because of the package.json in the root of this repository.
  await writeFile(join(root, "dist", "package.json"), '{ "type": "commonjs" }\n');
  await writeFile(join(root, "dist", "THIRD-PARTY-LICENSES"), await thirdPartyLicenses(metafiles));
}

interface Program {
  folder: string;
  executable: string;
  plugins?: Plugin[];
}

async function bundleProgram({ folder, executable, plugins = [] }: Program): Promise<Metafile> {
  const { metafile, outputFiles } = await bundle({
    entryPoints: { [executable]: join(folder, "src", "main.ts") },
    outdir: bin,
    absWorkingDir: root,
    bundle: true,
    write: false,
    platform: "node",
    target: "node20",
    format: "esm",
    splitting: true,
    chunkNames: "[name]-[hash]",
    metafile: true,
    // The optional native parts of ssh2, and a module that @grpc/grpc-js loads only for channelz and load reports (ORCA).
    external: ["*.node", "cpu-features", "@grpc/proto-loader"],
    loader: { ".sh": "text", ".md": "empty" },
    plugins,
    logLevel: "warning",
  });
  const chunks = await Promise.all(
    outputFiles.map(async ({ path, text }) => [`./${basename(path)}`, await toCommonJs(text)] as const),
  );
  // Written to a temporary file and renamed, since another process may start the existing executable meanwhile.
  const temporary = join(root, "dist", executable);
  await writeFile(temporary, packChunks(`./${executable}.js`, Object.fromEntries(chunks)));
  await chmod(temporary, 0o755);
  await rename(temporary, join(bin, executable));
  return metafile;
}

async function toCommonJs(code: string): Promise<string> {
  const result = await transform(code, {
    format: "cjs",
    platform: "node",
    target: "node20",
    minifySyntax: true,
    minifyWhitespace: true,
    minifyIdentifiers: true,
    // Compiled to `require`, since the ES module loader takes longer to start than most providers take to answer.
    supported: { "dynamic-import": false },
  });
  return result.code;
}

/** From this length on, in characters, a chunk is put into the trailing comment, so that V8 does not scan it. */
const LARGE_CHUNK = 64 * 1024;

/**
 * Returns one file that runs the entry chunk. The other chunks are strings in it, since V8 skips a string faster than
 * code that may never run. Large chunks are in a comment at the end, which V8 skips even faster. The file is CommonJS,
 * which Node assumes for a file without an extension, wherever it is copied.
 */
function packChunks(entry: string, { [entry]: entryCode, ...chunks }: Record<string, string>): string {
  const isLarge = ([, code]: [string, string]) => code.length >= LARGE_CHUNK;
  const small = Object.entries(chunks).filter((chunk) => !isLarge(chunk));
  const large = Object.entries(chunks).filter(isLarge);
  return `#!/usr/bin/env node
"use strict";
const chunks = ${JSON.stringify(Object.fromEntries(small))};
const largeChunks = ${JSON.stringify(large.map(([name]) => name))};
const loaded = {};
function load(name) {
  if (largeChunks.includes(name) && chunks[name] === undefined) {
    const [, json] = require("node:fs").readFileSync(__filename, "utf8").split("\\n/*\\n");
    Object.assign(chunks, JSON.parse(json.slice(0, json.lastIndexOf("*/"))));
  }
  if (!Object.hasOwn(chunks, name)) {
    // Only built-in modules are loaded, since Node searches all folders above this file, and another user may be able
    // to write to one.
    if (require("node:module").isBuiltin(name)) return require(name);
    throw Object.assign(new Error("Cannot find module '" + name + "'"), { code: "MODULE_NOT_FOUND" });
  }
  if (loaded[name] === undefined) {
    const module = (loaded[name] = { exports: {} });
    const parameters = ["require", "module", "exports", "__filename", "__dirname"];
    const run = require("node:vm").compileFunction(chunks[name], parameters, { filename: name });
    run(load, module, module.exports, __filename, __dirname);
  }
  return loaded[name].exports;
}
(function (require) {
${entryCode}})(load);
/*
${JSON.stringify(Object.fromEntries(large)).replaceAll("*/", "*\\/")}
*/
`;
}

/**
 * Replaces the SDK's module that compiles contracts at run time by compiled contracts, one chunk for each type. They
 * include the schemas, so that no schema is constructed at run time: that costs more than all the rest.
 */
function readyMadeContracts({ resources }: Provider): Plugin {
  return {
    name: "ready-made-contracts",
    setup(build) {
      build.onLoad({ filter: /provider-sdk\/src\/type\.ts$/ }, () => ({
        contents: "export const Type = new Proxy({}, { get: () => () => ({}) });",
        loader: "js",
      }));
      build.onLoad({ filter: /provider-sdk\/src\/contracts\.ts$/ }, ({ path }) => {
        const cases = resources.map(({ type }) => `case "${type}": return import("contract:${type}");`);
        const contents = `export async function contractsOf({ type }) { switch (type) { ${cases.join("\n")} } }`;
        return { contents, loader: "js", resolveDir: dirname(path) };
      });
      build.onResolve({ filter: /^contract:/ }, ({ path, resolveDir }) => ({
        path: path.slice("contract:".length),
        namespace: "contract",
        pluginData: resolveDir,
      }));
      build.onLoad({ filter: /.*/, namespace: "contract" }, ({ path, pluginData }) => ({
        contents: contractModule(resources.find(({ type }) => type === path)!),
        loader: "js",
        resolveDir: pluginData as string,
      }));
    },
  };
}

function contractModule({ inputs, outputs }: ResourceType): string {
  const ajv = createAjv({ code: { source: true, esm: true, lines: true }, inlineRefs: false });
  ajv.addSchema(shareTitled(inputs), "inputs").addSchema(shareTitled(outputs), "outputs");
  return `
    ${standalone.default(ajv, { checkInputs: "inputs", checkOutputs: "outputs" })}
    const contract = (validate, schema) => ({ schema, check: (value) => validate(value) ? [] : validate.errors });
    export const inputs = contract(checkInputs, ${JSON.stringify(inputs, withoutProse)});
    export const outputs = contract(checkOutputs, ${JSON.stringify(outputs, withoutProse)});`;
}

/** Makes equal subschemas with a title one definition, so that they are compiled once. */
function shareTitled(schema: object): object {
  const definitions: Record<string, unknown> = {};
  const share = (_: string, value: unknown) => {
    const { title } = (value ?? {}) as { title?: unknown };
    if (typeof title !== "string") return value;
    const text = JSON.stringify(value);
    const same = Object.keys(definitions).find((name) => JSON.stringify(definitions[name]) === text);
    const name = same ?? `${title}${Object.keys(definitions).length}`;
    definitions[name] = value;
    return { $ref: `#/definitions/${name}` };
  };
  const plain = JSON.parse(JSON.stringify(schema, withoutProse)) as object;
  // A reviver visits inner values first, so the subschemas of a shared schema are shared already.
  const shared = JSON.parse(JSON.stringify(plain), share) as object;
  return { ...shared, definitions };
}

function withoutProse(name: string, value: unknown): unknown {
  return name === "description" && typeof value === "string" ? undefined : value;
}

async function thirdPartyLicenses(metafiles: Metafile[]): Promise<string> {
  const folders = new Set<string>();
  for (const { inputs } of metafiles) {
    for (const path of Object.keys(inputs)) {
      const folder = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0];
      if (folder !== undefined) folders.add(join(root, folder));
    }
  }
  const sections = await Promise.all([...folders].toSorted().map(licenseSection));
  return `The executables in bin/ contain these packages:\n\n${sections.join("\n")}`;
}

async function licenseSection(folder: string): Promise<string> {
  const manifest = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as Record<
    string,
    unknown
  >;
  const { name, version, license } = manifest;
  const file = (await readdir(folder)).find((candidate) => /^licen[cs]e/i.test(candidate));
  if (file === undefined && typeof license !== "string") throw new Error(`${String(name)} has no licence`);
  const text =
    file === undefined ? `Licence: ${String(license)}\n` : await readFile(join(folder, file), "utf8");
  // node-forge is available under either of two licences.
  const choice = /^\((.*) OR GPL-[\d.]+(?:-only|-or-later)?\)$/.exec(String(license))?.[1];
  if (/GNU (?:AFFERO |LESSER )?GENERAL PUBLIC/i.test(text) && choice === undefined)
    throw new Error(`${String(name)} is under the GPL`);
  const chosen = choice === undefined ? "" : `Taken under ${choice}.\n\n`;
  return `== ${String(name)} ${String(version)}\n\n${chosen}${text}`;
}

main(import.meta.url, build);
