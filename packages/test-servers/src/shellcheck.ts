import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The shells, if installed, that must be able to parse the scripts that run on hosts. */
const SHELLS = [["dash"], ["busybox", "sh"], ["bash", "--posix"], ["ksh"], ["mksh"]];

export const hasShellcheck = spawnSync("shellcheck", ["--version"]).status === 0;

/** Returns the complaints of shellcheck and of each shell about scripts for `sh`; an empty string if there are none. */
export function complaintsAbout(scripts: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), "scripts-"));
  try {
    const files = Object.entries(scripts).map(([name, script]) => {
      writeFileSync(join(folder, name), script);
      return join(folder, name);
    });
    const parsed = files.flatMap((file) => SHELLS.map((shell) => parse(shell, file)));
    return [shellcheck(files), ...parsed].filter((text) => text !== "").join("\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function shellcheck(files: string[]): string {
  if (!hasShellcheck) return "";
  return spawnSync("shellcheck", ["--shell=sh", ...files], { encoding: "utf8" }).stdout;
}

function parse([shell, ...args]: string[], file: string): string {
  const { error, status, stderr } = spawnSync(shell!, [...args, "-n", file], { encoding: "utf8" });
  if (error !== undefined || status === 0) return "";
  return `${shell}: ${stderr}`;
}
