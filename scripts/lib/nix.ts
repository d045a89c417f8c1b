import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { root } from "./providers.ts";

export interface NixCheck {
  name: string;
  /** What is wrong; empty when nothing is. */
  problem: string;
  /** Why nothing was looked at. */
  skipped?: string;
}

/** Parses all Nix files, and asks nixfmt (RFC 166) whether they are laid out as it would; nothing is changed. */
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

/** Formats as nixfmt does. Neither npm nor Debian has the original; this, cargo makes in a minute. */
const NIXFMT = "nixfmt_rs@0.5.3";

/** The one on the PATH, as `nix develop` has it, or else one that is made once. */
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

/** Relative to the project's root. */
function nixFiles(): string[] {
  const inFolders = ["nix", "templates", "e2e", "examples"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)),
  );
  return [...readdirSync(root), ...inFolders]
    .filter((name) => name.endsWith(".nix") && !name.includes("node_modules"))
    .toSorted();
}
