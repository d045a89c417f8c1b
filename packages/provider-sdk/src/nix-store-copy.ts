import { access, realpath } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { Context } from "./context.ts";
import { runProcess } from "./process.ts";

/** Warns about a secret file inside a flake that Nix would copy into its store when it evaluates the flake. */
export async function warnOfStoreCopy(path: string, what: string, context: Context): Promise<void> {
  const file = await withoutLinks(resolve(path));
  const flake = await findAbove(file, "flake.nix");
  if (flake === undefined || (await isIgnoredByGit(file))) return;
  context.log.warn(
    `Nix copies the folder of ${flake} into its store, which everybody can read, and ${what} ${file} with it: ` +
      "choose a path outside of that folder, or let git ignore the file",
  );
}

async function isIgnoredByGit(file: string): Promise<boolean> {
  const git = await findAbove(file, ".git");
  if (git === undefined) return false;
  const args = ["-C", dirname(git), "check-ignore", "--quiet", file];
  // Warns also when git is missing or does not trust the folder: the file may not be ignored then.
  return runProcess("git", args, { timeoutSeconds: 10 }).then(
    () => true,
    () => false,
  );
}

async function withoutLinks(path: string): Promise<string> {
  const folder = await realpath(dirname(path)).catch(() => dirname(path));
  return join(folder, basename(path));
}

/** Returns the nearest file or folder of that name in the folders above a path. */
async function findAbove(path: string, name: string): Promise<string | undefined> {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const candidate = join(folder, name);
    if (await isThere(candidate)) return candidate;
    if (folder === dirname(folder)) return undefined;
  }
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
