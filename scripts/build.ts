// Bundles each provider into one executable file, dist/bin/<executable>.
import { chmod, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import standalone from "ajv/dist/standalone/index.js";
import { build as bundle, type Metafile, type Plugin } from "esbuild";
import type { Provider } from "@nixops4-providers/provider-sdk";
import { createAjv } from "../packages/provider-sdk/src/ajv.ts";
import { main } from "./lib/main.ts";
import { providerPackages, root, type ProviderPackage } from "./lib/providers.ts";

const bin = join(root, "dist", "bin");

export async function build(): Promise<void> {
  await rm(bin, { recursive: true, force: true });
  await mkdir(bin, { recursive: true });
  const metafiles = await Promise.all((await providerPackages()).map(bundleProvider));
  // Inside this repository the files would otherwise be taken for ES modules.
  await writeFile(join(root, "dist", "package.json"), '{ "type": "commonjs" }\n');
  await writeFile(join(root, "dist", "THIRD-PARTY-LICENSES"), await thirdPartyLicenses(metafiles));
}

async function bundleProvider({ folder, provider }: ProviderPackage): Promise<Metafile> {
  const outfile = join(bin, provider.executable);
  const { metafile } = await bundle({
    entryPoints: [join(folder, "src", "main.ts")],
    outfile,
    absWorkingDir: root,
    bundle: true,
    platform: "node",
    target: "node20",
    // A file without an extension is CommonJS wherever it is copied to.
    format: "cjs",
    banner: { js: "#!/usr/bin/env node" },
    minifySyntax: true,
    minifyWhitespace: true,
    metafile: true,
    // ssh2's optional native parts.
    external: ["*.node", "cpu-features"],
    plugins: [readyMadeContracts(provider)],
    logLevel: "warning",
  });
  await chmod(outfile, 0o755);
  return metafile;
}

/**
 * Puts compiled contracts in the place of the SDK's module that compiles them at run time. The schemas come
 * with them, so that the constructors of schemas have nothing left to do: they cost more than all the rest.
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
        const ajv = createAjv({ code: { source: true, esm: true, lines: true } });
        const exported: Record<string, string> = {};
        const contract = (name: string, schema: object) => {
          ajv.addSchema(schema, name);
          exported[name] = name;
          return `contract(${name}, ${JSON.stringify(schema, withoutProse)})`;
        };
        const table = resources.map(
          ({ type, inputs, outputs }, index) =>
            `${JSON.stringify(type)}: { inputs: ${contract(`inputs${index}`, inputs)}, outputs: ${contract(`outputs${index}`, outputs)} }`,
        );
        const contents = [
          standalone.default(ajv, exported),
          "const contract = (validate, schema) => ({ schema, check: (value) => validate(value) ? [] : validate.errors });",
          `export const contractsOf = () => ({ ${table.join(", ")} });`,
        ].join("\n");
        return { contents, loader: "js", resolveDir: dirname(path) };
      });
    },
  };
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
  if (/GNU (?:AFFERO |LESSER )?GENERAL PUBLIC/i.test(text))
    throw new Error(`${String(name)} is under the GPL`);
  return `== ${String(name)} ${String(version)}\n\n${text}`;
}

main(import.meta.url, build);
