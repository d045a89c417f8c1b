import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { root } from "./providers.ts";

export interface NixCheck {
  name: string;
  /** The errors that were found; empty when there are none. */
  problem: string;
  /** Why the check did not run. */
  skipped?: string;
}

/** Parses all Nix files and checks their format with nixfmt (RFC 166), without changing them. */
export function checkNixFiles(): NixCheck[] {
  const files = nixFiles();
  return [
    run("Nix files can be parsed", "nix-instantiate", ["--parse", ...files]),
    run("format of Nix files (fix with: npm run format)", nixfmt(), ["--check", ...files]),
  ];
}

export function formatNixFiles(): void {
  spawnSync(nixfmt(), nixFiles(), { cwd: root, stdio: "inherit" });
}

/** A Rust implementation of nixfmt, which cargo builds in a minute. Neither npm nor Debian has the original one. */
const NIXFMT = "nixfmt_rs@0.5.3";

/** Returns the nixfmt on the PATH, such as that of `nix develop`, or builds one in .cache. */
function nixfmt(): string {
  if (spawnSync("nixfmt", ["--version"]).status === 0) return "nixfmt";
  const folder = join(root, ".cache", NIXFMT);
  const program = join(folder, "bin", "nixfmt");
  if (!existsSync(program)) {
    spawnSync("cargo", ["install", "--locked", "--root", folder, NIXFMT], { stdio: ["ignore", 2, 2] });
  }
  return program;
}

function run(name: string, program: string, args: readonly string[]): NixCheck {
  const { error, status, stderr } = spawnSync(program, args, {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (error !== undefined) return { name, problem: "", skipped: `there is no ${basename(program)}` };
  return { name, problem: status === 0 ? "" : stderr };
}

/** Returns the paths of all Nix files, relative to the root. */
function nixFiles(): string[] {
  const inFolders = ["nix", "templates", "e2e", "examples"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)),
  );
  return [...readdirSync(root), ...inFolders]
    .filter((name) => name.endsWith(".nix") && !name.includes("node_modules"))
    .toSorted();
}
