import { realpath, stat } from "node:fs/promises";
import { ProviderError } from "./errors.ts";
import type { SecretRef } from "./schema.ts";

/**
 * Throws when a private key is in a file that others can read. Like OpenSSH, checks only files of this user, for any
 * permission of the group or others: the owner of another file decides who reads it.
 */
export async function refuseExposedFile({ file }: SecretRef, what: string): Promise<void> {
  if (file === undefined) return;
  const { uid, mode } = await stat(file).catch((cause: unknown) => {
    throw new ProviderError(`cannot use ${what}`, { cause });
  });
  if (uid !== process.getuid?.() || (mode & 0o077) === 0) return;
  const octal = (mode & 0o7777).toString(8).padStart(4, "0");
  throw new ProviderError(
    `cannot use ${what}: others may read the file ${file} (owner: uid ${uid}, mode: ${octal})`,
    { hint: await adviceFor(file) },
  );
}

async function adviceFor(file: string): Promise<string> {
  const inStore = (await realpath(file)).startsWith("/nix/store/");
  return inStore
    ? "It is in the Nix store, which everybody can read: make a new key, and keep it outside of the store."
    : `\`chmod 600 ${file}\` makes it private. If others could use the machine before, make a new key.`;
}
