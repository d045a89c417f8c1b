import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { runNix } from "../harness/run-nix.ts";
import { nixArgs, nixMissing, root } from "./nix-sources.ts";

const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  packageManager: string;
};

/** The path of the pnpm that installed the dependencies, and the path of its store. */
const [pnpm, pnpmStore] = spawnSync(
  "npm",
  [
    "exec",
    "--offline",
    "--yes",
    `--package=${packageManager}`,
    "--",
    "sh",
    "-c",
    "command -v pnpm; pnpm store path",
  ],
  { cwd: root, encoding: "utf8" },
).stdout.split("\n");

const missing =
  nixMissing ||
  ((process.env["NIXPKGS_LIB_SOURCE"] ?? "") === ""
    ? " (skipped without NIXPKGS_LIB_SOURCE)"
    : !pnpmStore
      ? ` (skipped: npm has no ${packageManager} in its cache)`
      : "");

(missing === "" ? describe : describe.skip)(`the Nix packages, without nixpkgs${missing}`, () => {
  const build = async (attribute: string) => {
    const command = ["nix-build", join(root, "nix/tests/build.nix"), "--no-out-link", "-A", attribute];
    const values = { node: process.execPath, pnpm, pnpmStore: join(pnpmStore!, "..") };
    const args = Object.entries(values).flatMap(([name, value]) => ["--argstr", name, value!]);
    // Builds as this user, who alone may be able to read the sources.
    const options = { nixArgs: [...nixArgs, "--option", "build-users-group", ""] };
    return (await runNix([...command, ...args], options)).trim();
  };

  it("have in them what `npm run build` makes, to the byte", async () => {
    const bundles = await build("bundles");
    const executables = readdirSync(join(root, "dist/bin"));
    expect(readdirSync(join(bundles, "bin"))).toEqual(executables);
    for (const file of ["THIRD-PARTY-LICENSES", ...executables.map((name) => join("bin", name))]) {
      const isSame = readFileSync(join(bundles, file)).equals(readFileSync(join(root, "dist", file)));
      expect({ file, isSame }).toEqual({ file, isSame: true });
    }
  }, 240_000);

  it("start, with nothing of the build around them", async () => {
    await expect(build("check")).resolves.toMatch(/-executables$/);
  }, 240_000);
});
