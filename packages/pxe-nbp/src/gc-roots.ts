import * as fs from "node:fs/promises";
import { basename, join } from "node:path";
import { makePrivateFolder } from "@nixops4-providers/durable-log";
import { type Context, ProviderError, runProcess, Type } from "@nixops4-providers/provider-sdk";

const FOLDER_MODE = 0o755;
const STORE_PATH = /\/nix\/store\/[0-9a-df-np-sv-z]{32}-[0-9A-Za-z+._?=-]+/g;

/** The input `gcRootsFolder`; `purpose` says what becomes of the links. */
export const gcRootsField = (purpose: string) =>
  Type.Optional(
    Type.String({
      pattern: "^/.*[^/]$",
      patternError: "must be an absolute path of a folder, without a slash at the end",
      description: `${purpose} When not set, there are none.`,
    }),
  );

/** The store paths in texts, each once. */
export function storePathsIn(texts: readonly string[]): string[] {
  return [...new Set(texts.flatMap((text) => text.match(STORE_PATH) ?? []))].toSorted();
}

/**
 * Keeps Nix from collecting store paths, by links in a folder of the entry's own, and no others of that entry. Paths
 * that this machine does not have are somebody else's to keep. A folder that another user can change is refused: nix-store
 * finds the links by their names.
 */
export async function keepRoots(
  folder: string,
  entryId: string,
  paths: readonly string[],
  { signal }: Context,
): Promise<void> {
  try {
    const links = await makePrivateFolder(join(folder, entryId), FOLDER_MODE);
    const kept = new Set<string>();
    for (const path of paths) {
      if (!(await isThere(path))) continue;
      kept.add(basename(path));
      await keepRoot(join(links, basename(path)), path, signal);
    }
    await removeLinks(links, (name) => !kept.has(name));
  } catch (cause) {
    signal.throwIfAborted();
    throw new ProviderError(
      `cannot keep what ${entryId} needs from being collected, by links in ${join(folder, entryId)}`,
      { path: "gcRootsFolder", cause },
    );
  }
}

/** Lets Nix collect what was only kept for the entry. */
export async function dropRoots(folder: string, entryId: string): Promise<void> {
  const links = join(folder, entryId);
  try {
    if (!(await isThere(links))) return;
    const found = await makePrivateFolder(links, FOLDER_MODE);
    await removeLinks(found, () => true);
    await fs.rmdir(found);
  } catch (cause) {
    // Another run has removed it, or there is something else in it.
    if (["ENOENT", "ENOTEMPTY"].includes((cause as NodeJS.ErrnoException).code ?? "")) return;
    throw new ProviderError(`cannot remove the links in ${links}`, { path: "gcRootsFolder", cause });
  }
}

async function keepRoot(link: string, path: string, signal: AbortSignal): Promise<void> {
  if ((await fs.readlink(link).catch(() => undefined)) === path) return;
  // Nix registers the link, wherever it is. Only older ones have to be told that they may.
  const args = ["--realise", path, "--add-root", link, "--indirect"];
  await runProcess("nix-store", args, { signal });
}

async function removeLinks(folder: string, isMeant: (name: string) => boolean): Promise<void> {
  for (const entry of await fs.readdir(folder, { withFileTypes: true })) {
    if (entry.isSymbolicLink() && isMeant(entry.name)) await fs.unlink(join(folder, entry.name));
  }
}

async function isThere(path: string): Promise<boolean> {
  return fs.lstat(path).then(
    () => true,
    () => false,
  );
}
