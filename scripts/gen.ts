// Writes the generated files: nix/providers/<name>.json, docs/reference/<name>.md and the lists of providers in
// README.md and packages/README.md from the resource types, and packages/boot-api/src/generated from proto/.
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { Provider } from "@nixops4-providers/provider-sdk";
import { renderConfigReference } from "../packages/boot-server/src/service/config-reference.ts";
import { main } from "./lib/main.ts";
import { nixReference } from "./lib/nix-reference.ts";
import { protoFiles } from "./lib/proto.ts";
import { pagesWithLists } from "./lib/provider-lists.ts";
import { providerPackages, root } from "./lib/providers.ts";
import { renderReference } from "./lib/reference.ts";

const manifests = join(root, "nix", "providers");
const references = join(root, "docs", "reference");
const bootApi = join(root, "packages", "boot-api", "src", "generated");

export async function gen(): Promise<void> {
  for (const [path, text] of await generatedFiles()) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  for (const path of await superfluousFiles()) await rm(path);
}

/** Returns the generated files that are missing or out of date, relative to the root. */
export async function staleFiles(): Promise<string[]> {
  const stale = await superfluousFiles();
  for (const [path, text] of await generatedFiles()) {
    const current = await readFile(path, "utf8").catch(() => undefined);
    if (current !== text) stale.push(path);
  }
  return stale.map((path) => relative(root, path));
}

async function generatedFiles(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const packages = await providerPackages();
  for (const [path, text] of await pagesWithLists(packages)) files.set(path, text);
  for (const { provider } of packages) {
    files.set(join(manifests, `${provider.name}.json`), `${JSON.stringify(manifest(provider), null, 2)}\n`);
    files.set(join(references, `${provider.name}.md`), renderReference(provider));
  }
  files.set(join(references, "boot-server.md"), renderConfigReference());
  // Nix renders these pages from the sources of other projects. Without the sources, the existing pages are kept.
  const nixPages = nixReference();
  for (const name of ["components.md", "nixos-modules.md"]) {
    const page = join(references, name);
    files.set(page, nixPages?.[name] ?? (await readFile(page, "utf8")));
  }
  for (const [name, text] of Object.entries(await protoFiles())) {
    files.set(join(bootApi, name), text);
  }
  return files;
}

async function superfluousFiles(): Promise<string[]> {
  const wanted = await generatedFiles();
  const there = await Promise.all(
    [manifests, references, bootApi].map(async (folder) =>
      (await readdir(folder)).map((name) => join(folder, name)),
    ),
  );
  return there.flat().filter((path) => /\.(json|md|js|ts)$/.test(path) && !wanted.has(path));
}

/** Returns the manifest from which the Nix modules are made. */
function manifest({ name, description, executable, resources }: Provider) {
  const resourceTypes = resources.map(({ type, stateful, inputs, outputs, ...resource }) => [
    type,
    { description: resource.description, requireState: stateful, inputs, outputs },
  ]);
  return { name, description, executable, resourceTypes: Object.fromEntries(resourceTypes) as object };
}

main(import.meta.url, gen);
