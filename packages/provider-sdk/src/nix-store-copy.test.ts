import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { Context } from "./context.ts";
import { warnOfStoreCopy } from "./nix-store-copy.ts";

let folder: string;
beforeEach(async () => void (folder = await realpath(await mkdtemp(join(tmpdir(), "nix-store-copy-")))));
afterEach(() => rm(folder, { recursive: true }));

async function warningsFor(path: string): Promise<string[]> {
  const warnings: string[] = [];
  const context = { log: { warn: (line: string) => warnings.push(line) } } as unknown as Context;
  await warnOfStoreCopy(path, "the private key", context);
  return warnings;
}

const makeFlake = () => writeFile(join(folder, "flake.nix"), "{ }");
async function makeRepository(ignored: string) {
  execFileSync("git", ["init", "--quiet", folder]);
  await writeFile(join(folder, ".gitignore"), ignored);
}
const warning = (file: string) =>
  `Nix copies the folder of ${folder}/flake.nix into its store, which everybody can read, and the private key ${file} ` +
  "with it: choose a path outside of that folder, or let git ignore the file";

describe("warnOfStoreCopy", () => {
  it("warns of a file beside or below a flake", async () => {
    await makeFlake();
    await mkdir(join(folder, "keys"));
    for (const file of [join(folder, "key"), join(folder, "keys", "key")]) {
      expect(await warningsFor(file)).toEqual([warning(file)]);
    }
  });

  it("warns of a link into a flake", async () => {
    await mkdir(join(folder, "keys"));
    await symlink(join(folder, "keys"), join(folder, "link"));
    await writeFile(join(folder, "keys", "flake.nix"), "{ }");
    expect(await warningsFor(join(folder, "link", "key"))).toHaveLength(1);
  });

  it("does not warn without a flake", async () => {
    expect(await warningsFor(join(folder, "key"))).toEqual([]);
  });

  it("does not warn of a file that git ignores", async () => {
    await makeFlake();
    await makeRepository("key\n");
    expect(await warningsFor(join(folder, "key"))).toEqual([]);
    expect(await warningsFor(join(folder, "other"))).toEqual([warning(join(folder, "other"))]);
  });
});
