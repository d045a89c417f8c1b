import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "./providers.ts";

const NAME = "shell scripts (shellcheck)";

/** Checks all shell scripts with shellcheck. A script names its shell in its first line, or in a directive. */
export function checkShellScripts(): { name: string; problem: string; skipped?: string } {
  const options = ["--external-sources", "--source-path=SCRIPTDIR", "--severity=warning", "--format=gcc"];
  const { error, status, stdout, stderr } = spawnSync("shellcheck", [...options, ...shellScripts()], {
    cwd: root,
    encoding: "utf8",
  });
  if (error !== undefined) return { name: NAME, problem: "", skipped: "there is no shellcheck" };
  return { name: NAME, problem: status === 0 ? "" : stdout + stderr };
}

/** Returns the paths of all shell scripts, relative to the root. */
function shellScripts(): string[] {
  const inFolders = ["e2e", "nix", "packages", "scripts"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)),
  );
  return [".ci/run", ...inFolders.filter((name) => name.endsWith(".sh") && !name.includes("node_modules"))];
}
