// Creates a provider from scripts/provider-template: `npm run new-provider -- NAME`.
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { main } from "./lib/main.ts";
import { root } from "./lib/providers.ts";

const template = join(root, "scripts", "provider-template");
const security = join(root, "docs", "explanation", "security.md");

main(import.meta.url, async () => {
  const [name, ...rest] = process.argv.slice(2);
  if (name === undefined || rest.length > 0) throw new Error("new-provider takes one name");
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name))
    throw new Error(`"${name}" is no name of a provider: use lower-case letters, digits and single hyphens`);
  const folder = join(root, "packages", name);
  if (existsSync(folder)) throw new Error(`${relative(root, folder)} exists already`);
  await makePackage(folder, name);
  await addSecuritySection(name);
  const { packageManager } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as {
    packageManager: string;
  };
  console.log(`Made packages/${name}, examples/${name} and a section in docs/explanation/security.md, with one type: thing.

Next:
  npm exec --yes -- ${packageManager} install --lockfile-only
  npm run pnpm-deps-hash
  npm run gen
  npm run check

Then write packages/${name}/tests/thing.int.test.ts, and what CONTRIBUTING.md says under "How to add a resource type".`);
});

async function makePackage(folder: string, name: string): Promise<void> {
  await cp(template, folder, { recursive: true });
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    await writeFile(path, (await readFile(path, "utf8")).replaceAll("template", name));
  }
  const example = join(root, "examples", name, "thing.nix");
  await mkdir(dirname(example), { recursive: true });
  await rename(join(folder, "example.nix"), example);
}

/** Adds a section to docs/explanation/security.md, after those of the other providers. */
async function addSecuritySection(name: string): Promise<void> {
  const page = await readFile(security, "utf8");
  const [before, after] = page.split("\n## The boot service\n");
  if (after === undefined) throw new Error(`${relative(root, security)} has no section "The boot service"`);
  const text = `It trusts nothing and protects nothing yet.`;
  await writeFile(security, `${before}\n### ${name}\n\n${text}\n\n## The boot service\n${after}`);
}
