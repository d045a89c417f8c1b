import { lstat, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * A folder that only this user can enter, for what the processes of this user tell each other; `undefined` where there
 * is none. It is gone after a reboot.
 */
export async function privateFolder(): Promise<string | undefined> {
  const uid = process.getuid?.();
  const parent = (await ownRuntimeFolder()) ?? (uid === 0 ? "/run" : tmpdir());
  const folder = join(parent, `nixops4-providers-${uid}`);
  try {
    await mkdir(folder, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
    const stats = await lstat(folder);
    const isPrivate = stats.isDirectory() && stats.uid === uid && (stats.mode & 0o077) === 0;
    return isPrivate ? folder : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The folder that XDG_RUNTIME_DIR names, if it belongs to this user: `sudo -E` and `su` keep that of another user, who
 * could rename what we make in it.
 */
async function ownRuntimeFolder(): Promise<string | undefined> {
  const folder = process.env["XDG_RUNTIME_DIR"];
  if (folder === undefined) return undefined;
  const stats = await lstat(folder).catch(() => undefined);
  const isOwn =
    stats?.isDirectory() === true && stats.uid === process.getuid?.() && (stats.mode & 0o022) === 0;
  return isOwn ? folder : undefined;
}
