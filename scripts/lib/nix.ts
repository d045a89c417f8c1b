import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
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
    run("format of Nix files (mend with: nix fmt)", "nixfmt", ["--check", ...files]),
  ];
}

function run(name: string, program: string, args: readonly string[]): NixCheck {
  const { error, status, stderr } = spawnSync(program, args, {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (error !== undefined) return { name, problem: "", skipped: `there is no ${program}` };
  return { name, problem: status === 0 ? "" : stderr };
}

/** Relative to the project's root. */
function nixFiles(): string[] {
  const inFolders = ["nix", "templates", "e2e"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)),
  );
  return [...readdirSync(root), ...inFolders]
    .filter((name) => name.endsWith(".nix") && !name.includes("node_modules"))
    .toSorted();
}
