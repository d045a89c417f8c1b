import { lstat, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Returns a folder that only this user can enter, for files that the user's processes share until the next reboot;
 * `undefined` when there is none.
 */
export async function privateFolder(): Promise<string | undefined> {
  const uid = process.getuid?.();
  const parent = (await ownRuntimeFolder()) ?? (uid === 0 ? "/run" : tmpdir());
  const folder = join(parent, `nixops4-providers-${uid}`);
  try {
    // It may exist.
    await mkdir(folder, { mode: 0o700 }).catch(() => {});
    const stats = await lstat(folder);
    const isPrivate = stats.isDirectory() && stats.uid === uid && (stats.mode & 0o077) === 0;
    return isPrivate ? folder : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Returns XDG_RUNTIME_DIR if it belongs to this user. `sudo -E` and `su` keep the variable of another user, who could
 * rename files in that folder.
 */
async function ownRuntimeFolder(): Promise<string | undefined> {
  const folder = process.env["XDG_RUNTIME_DIR"] ?? "";
  const stats = await lstat(folder).catch(() => undefined);
  const isOwn =
    stats?.isDirectory() === true && stats.uid === process.getuid?.() && (stats.mode & 0o022) === 0;
  return isOwn ? folder : undefined;
}
