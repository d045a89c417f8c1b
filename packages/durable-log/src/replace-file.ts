import type { Stats } from "node:fs";
import * as fs from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

/**
 * Gives a file new contents so that, whenever the machine stops, it has either the old ones or the new ones,
 * whole. Symbolic links are followed. The new contents are on the disk when this returns.
 *
 * `mode` defaults to that of the file that was there, else to what the umask leaves; the owner is kept where
 * permitted. With `folderMode`, missing folders are made, with that mode. What is there and is not a regular
 * file (a device, a pipe) is written to in place.
 */
export async function replaceFile(
  path: string,
  contents: string | Uint8Array,
  options: { mode?: number | undefined; folderMode?: number | undefined } = {},
): Promise<void> {
  const target = await followLinks(resolve(path));
  const folder = dirname(target);
  if (options.folderMode !== undefined) await fs.mkdir(folder, { recursive: true, mode: options.folderMode });
  const existing = await statIfThere(target);
  if (existing !== undefined && !existing.isFile()) return fs.writeFile(target, contents);

  await removeLeftovers(folder);
  const mode = options.mode ?? (existing === undefined ? undefined : existing.mode & 0o7777);
  const temporary = temporaryIn(folder);
  const handle = await fs.open(temporary, "wx", mode === undefined ? 0o666 : 0o600);
  try {
    try {
      await handle.writeFile(contents);
      if (existing !== undefined) await keepOwner(handle, existing);
      if (mode !== undefined) await handle.chmod(mode);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.rename(temporary, target);
  } catch (error) {
    await fs.rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(folder);
}

/** A name for a file that is made, with O_EXCL, to be renamed; what a killed process leaves is removed later. */
export function temporaryIn(folder: string): string {
  const random = Math.floor(Math.random() * 2 ** 32);
  return join(folder, `.nixops4-${process.pid}-${random.toString(16).padStart(8, "0")}.tmp`);
}

/** Makes renames, links and removals in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await fs.open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function followLinks(path: string): Promise<string> {
  // Not realpath: the link may point to a file that is yet to be made.
  for (let hops = 0; hops < 40; hops++) {
    const link = await fs.readlink(path).catch(() => undefined);
    if (link === undefined) return path;
    path = resolve(dirname(path), link);
  }
  throw Object.assign(new Error(`too many levels of symbolic links: ${path}`), { code: "ELOOP" });
}

async function statIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await fs.stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function keepOwner(handle: fs.FileHandle, { uid, gid }: Stats): Promise<void> {
  const own = await handle.stat();
  if (own.uid === uid && own.gid === gid) return;
  await handle.chown(uid, gid).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EPERM") throw error;
  });
}

const LEFTOVER_AGE_MS = 60_000;

/** Removes what runs that were killed have left; a younger file may belong to a process we cannot see. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await fs.readdir(folder)) {
    const pid = /^\.nixops4-(\d+)-[0-9a-f]{8}\.tmp$/.exec(name)?.[1];
    if (pid === undefined || isRunning(Number(pid))) continue;
    const path = join(folder, name);
    const stats = await fs.lstat(path).catch(() => undefined);
    if (stats !== undefined && Date.now() - stats.mtimeMs > LEFTOVER_AGE_MS)
      await fs.rm(path, { force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
