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
  // Inside this repository the files would otherwise be taken for ES modules.
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
    // ssh2's optional native parts, and what @grpc/grpc-js loads only to be asked about itself.
    external: ["*.node", "cpu-features", "@grpc/proto-loader"],
    loader: { ".sh": "text", ".md": "empty" },
    plugins,
    logLevel: "warning",
  });
  const chunks = await Promise.all(
    outputFiles.map(async ({ path, text }) => [`./${basename(path)}`, await toCommonJs(text)] as const),
  );
  // Renamed into place: a process may be about to start the existing one.
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
    // As `require`: the loader of ES modules takes longer to start than most providers take to answer.
    supported: { "dynamic-import": false },
  });
  return result.code;
}

/** Chunks from this length on, such as whole libraries, are kept out of what V8 has to look through. */
const LARGE_CHUNK = 64 * 1024;

/**
 * One file that runs the entry chunk. The others are in it as strings, since V8 skips over a string faster than
 * over code that may never run, and the large ones as a comment behind it, over which it skips faster still.
 * CommonJS, because a file without an extension is that wherever it is copied.
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
    // Node would look for it in every folder above this one, where another user may have put one.
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
 * Puts compiled contracts, a chunk each, in the place of the SDK's module that compiles them at run time. The
 * schemas come with them, so that the constructors of schemas have nothing left to do: they cost more than all
 * the rest.
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

/** Lets equal subschemas that have a title be one definition, so that they are compiled once. */
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
  // A reviver works from the inside out: what is inside of a shared schema is shared already.
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
  // node-forge leaves the choice.
  const choice = /^\((.*) OR GPL-[\d.]+(?:-only|-or-later)?\)$/.exec(String(license))?.[1];
  if (/GNU (?:AFFERO |LESSER )?GENERAL PUBLIC/i.test(text) && choice === undefined)
    throw new Error(`${String(name)} is under the GPL`);
  const chosen = choice === undefined ? "" : `Taken under ${choice}.\n\n`;
  return `== ${String(name)} ${String(version)}\n\n${chosen}${text}`;
}

main(import.meta.url, build);
