// Tests `npm run new-provider` in a copy of the project.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, realpath, symlink } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "@jest/globals";
import { createResource } from "../harness/index.ts";
import { nixMissing, root } from "./nix-sources.ts";
import { temporaryFolders } from "./temporary-folder.ts";

const temporaryFolder = temporaryFolders();
const run = promisify(execFile);
const LEFT_OUT = ["node_modules", "dist", ".git", ".cache"];
const nixpkgsLib = process.env["NIXPKGS_LIB_SOURCE"] ?? "";

const suffix = nixMissing || (nixpkgsLib === "" ? " (not evaluated by Nix without NIXPKGS_LIB_SOURCE)" : "");

/** Prints what `npm run check` would report about generated files and documentation, one problem per line. */
const PROBLEMS = `
  import { staleFiles } from "./scripts/gen.ts";
  import { providerPackages } from "./scripts/lib/providers.ts";
  import { undocumented } from "./scripts/lib/type-docs.ts";
  for (const problem of [...(await staleFiles()), ...undocumented(await providerPackages())]) console.log(problem);
`;

it(`makes a provider that passes all checks and is in all lists, references and Nix modules${suffix}`, async () => {
  const copy = await copyProject();
  const node = async (...args: string[]) => {
    // Without NIXOPS4_SOURCE, the reference of the Nix modules is not rendered, which is not tested here.
    const env = { ...process.env, NODE_OPTIONS: "", NIXOPS4_SOURCE: "", INVOKED_FROM: copy };
    const { stdout, stderr } = await run("node", args, { cwd: copy, env });
    return stdout + stderr;
  };
  const script = (name: string, ...args: string[]) => node("--import", "tsx", `scripts/${name}.ts`, ...args);
  const problems = () => node("--import", "tsx", "--input-type=module", "--eval", PROBLEMS);
  const read = (path: string) => readFile(join(copy, path), "utf8");

  expect(await script("new-provider", "throw-away")).toContain("Made packages/throw-away");
  expect((await problems()).trim().split("\n").toSorted()).toEqual([
    "README.md",
    "docs/reference/throw-away.md",
    "nix/providers/throw-away.json",
    "packages/README.md",
  ]);
  await script("gen");
  await script("build");
  expect(await problems()).toBe("");
  const written = ["packages/throw-away", "examples/throw-away", "*.md", "packages/*.md", "docs/explanation"];
  await node("node_modules/prettier/bin/prettier.cjs", "--check", ...written);
  expect(await script("provider", "describe", "throw-away.thing")).toContain("Its size in GiB.");
  expect(await read("README.md")).toContain("[`thing`](docs/reference/throw-away.md#thing)");
  expect(await read("packages/README.md")).toContain("- [throw-away](throw-away): `thing`. Things of");
  expect(await read("docs/reference/throw-away.md")).toContain("inputs.sizeGiB = 2;");

  const built = join(copy, "dist/bin/nixops4-resources-throw-away");
  expect(await createResource(built, "thing", { name: "first" })).toEqual({ id: "thing-first" });
  await expect(createResource(built, "thing", { name: "first", sizeGiB: 0 })).rejects.toThrow("must be >= 1");
  if (suffix === "") await expectNixToKnow(copy);
});

async function expectNixToKnow(copy: string): Promise<void> {
  const expression = `
    let
      lib = import ${nixpkgsLib}/lib;
      provider = ((import ${copy}/nix/lib/modules.nix { inherit lib; }).providersIn ${copy}/nix/providers (name: "bin-of-\${name}")).throw-away;
      module = lib.head provider.imports { inherit lib; resourceProviderSystem = "x86_64-linux"; };
    in { inherit (module) name executable; types = lib.attrNames module.resourceTypes; }`;
  const { stdout } = await run("nix-instantiate", ["--eval", "--strict", "--json", "--expr", expression]);
  expect(JSON.parse(stdout)).toEqual({
    name: "throw-away",
    executable: "bin-of-throw-away",
    types: ["thing"],
  });
}

/** Copies the project. Dependencies are links to the originals; the project's own packages are those of the copy. */
async function copyProject(): Promise<string> {
  const copy = await realpath(temporaryFolder());
  await cp(root, copy, { recursive: true, filter: (path) => !LEFT_OUT.includes(basename(path)) });
  const workspaces = (await readdir(join(root, "packages"))).map((name) => join("packages", name));
  for (const folder of ["", "e2e", ...workspaces]) await linkModules(copy, join(folder, "node_modules"));
  return copy;
}

async function linkModules(copy: string, folder: string): Promise<void> {
  const original = join(root, folder);
  if (!existsSync(original)) return;
  await mkdir(join(copy, folder));
  for (const name of await readdir(original)) {
    if (name !== "@nixops4-providers") {
      await symlink(join(original, name), join(copy, folder, name));
      continue;
    }
    await mkdir(join(copy, folder, name));
    for (const own of await readdir(join(original, name))) {
      const target = relative(root, await realpath(join(original, name, own)));
      await symlink(join(copy, target), join(copy, folder, name, own));
    }
  }
}
