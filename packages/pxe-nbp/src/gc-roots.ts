import * as fs from "node:fs/promises";
import { basename, join } from "node:path";
import { makePrivateFolder } from "@nixops4-providers/durable-log";
import { type Context, ProviderError, runProcess, Type } from "@nixops4-providers/provider-sdk";

const FOLDER_MODE = 0o755;
const STORE_PATH = /\/nix\/store\/[0-9a-df-np-sv-z]{32}-[0-9A-Za-z+._?=-]+/g;

/** Returns the schema of the input `gcRootsFolder`; `purpose` is the start of its description. */
export const gcRootsField = (purpose: string) =>
  Type.Optional(
    Type.String({
      pattern: "^/.*[^/]$",
      patternError: "must be an absolute path of a folder, without a slash at the end",
      description: `${purpose} When not set, there are none.`,
    }),
  );

/** Returns the store paths that occur in the texts, without duplicates. */
export function storePathsIn(texts: readonly string[]): string[] {
  return [...new Set(texts.flatMap((text) => text.match(STORE_PATH) ?? []))].toSorted();
}

/**
 * Protects store paths from Nix's garbage collector, by links in a folder of the entry. Removes the entry's other links.
 * Ignores paths that do not exist on this machine. Refuses a folder that another user can change, because nix-store takes the
 * names of the links.
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

/** Removes the links of an entry, so that Nix may collect the paths. */
export async function dropRoots(folder: string, entryId: string): Promise<void> {
  const links = join(folder, entryId);
  try {
    if (!(await isThere(links))) return;
    const found = await makePrivateFolder(links, FOLDER_MODE);
    await removeLinks(found, () => true);
    await fs.rmdir(found);
  } catch (cause) {
    // Another run has removed the folder, or it has other files.
    if (["ENOENT", "ENOTEMPTY"].includes((cause as NodeJS.ErrnoException).code ?? "")) return;
    throw new ProviderError(`cannot remove the links in ${links}`, { path: "gcRootsFolder", cause });
  }
}

async function keepRoot(link: string, path: string, signal: AbortSignal): Promise<void> {
  if ((await fs.readlink(link).catch(() => undefined)) === path) return;
  // Nix registers a link in any folder. Older versions need --indirect for that.
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
