import { lstat, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * A folder that only this user can enter, for what the processes of this user tell each other; `undefined` where there
 * is none. It is gone after a reboot.
 */
export async function privateFolder(): Promise<string | undefined> {
  const uid = process.getuid?.();
  const parent = process.env["XDG_RUNTIME_DIR"] ?? (uid === 0 ? "/run" : tmpdir());
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
