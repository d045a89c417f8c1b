import { constants, type Stats } from "node:fs";
import * as fs from "node:fs/promises";
import { copyAttributes } from "./copy-attributes.ts";
import { naming } from "./naming.ts";
import { errorWithCode, type Place, type PlaceOptions, withPlace } from "./place.ts";

/**
 * Gives a file new contents so that, whenever the machine stops, it has either the old ones or the new ones,
 * whole. The new contents are on the disk when this returns. Links in the path are followed as {@link withPlace}
 * says; nobody can make this write elsewhere.
 *
 * An existing path that is not a regular file (a device, a pipe) is written to in place; a pipe of another user is
 * refused (EPERM), and so is a file of another user in a folder that everybody can write to (EACCES), as with
 * Linux's fs.protected_regular. The file has its mode before it has its contents: a file system that lets others
 * read what is to be private is refused (EPERM).
 */
export async function replaceFile(
  path: string,
  contents: Contents,
  options: ReplaceOptions = {},
): Promise<void> {
  await withPlace(path, options, async (place) => {
    const existing = await statIfThere(place.at());
    if (existing !== undefined) refuseForeign(place, existing, await fs.lstat(place.at()));
    if (existing !== undefined && !existing.isFile()) return writeInPlace(place, contents, options.mode);

    await removeLeftovers(place);
    const temporary = place.at(temporaryName());
    try {
      await naming(place.shownPath, writeTemporary(place, temporary, contents, existing, options));
      await fs.rename(temporary, place.at());
    } catch (error) {
      await fs.rm(temporary, { force: true });
      throw error;
    }
    await place.sync();
  });
}

/** Parts are written one after another, so that not all of them need to be in memory. */
type Contents = string | Uint8Array | Iterable<string>;

export interface ReplaceOptions extends PlaceOptions {
  /** Defaults to the mode of the file that was there, else to what the umask leaves. */
  mode?: number | undefined;
  /** Whether the owner of the file that was there is kept where that is permitted; true by default. */
  keepOwner?: boolean;
  /**
   * Keeps the access list (ACL) and the extended attributes of the file that was there, and is called when its access list
   * cannot be kept. When not set, they are dropped.
   */
  onAclLost?: (() => void) | undefined;
}

/**
 * Writes into an existing file, for one that cannot be replaced (a mount point, a folder without write
 * permission). A crash can leave a part of the contents.
 */
export async function overwriteFile(
  path: string,
  contents: string | Uint8Array,
  mode: number | undefined,
): Promise<void> {
  await withPlace(path, {}, async (place) => {
    refuseForeign(place, await fs.stat(place.at()), await fs.lstat(place.at()));
    await writeInPlace(place, contents, mode);
  });
}

/** Reads a regular file; `undefined` for anything else, without waiting for the other end of a pipe. */
export async function readRegularFile(path: string): Promise<{ contents: Buffer; stats: Stats } | undefined> {
  const handle = await fs.open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await handle.stat();
    return stats.isFile() ? { contents: await handle.readFile(), stats } : undefined;
  } finally {
    await handle.close();
  }
}

/** Changes the mode of an existing file; it is on the disk when this returns. */
export async function changeMode(path: string, mode: number): Promise<void> {
  await withPlace(path, {}, async (place) => {
    const handle = await fs.open(
      place.at(),
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    );
    try {
      await setMode(handle, mode);
      await handle.sync();
    } finally {
      await handle.close();
    }
  });
}

/** Makes a folder with this mode, whatever the umask; it is on the disk when this returns. An existing folder stays as it is. */
export async function makeFolder(path: string, mode: number): Promise<void> {
  await withPlace(path, { keepLink: true }, async (place) => {
    try {
      await fs.mkdir(place.at());
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return;
      throw error;
    }
    const handle = await fs.open(place.at(), constants.O_DIRECTORY | constants.O_NOFOLLOW);
    try {
      await handle.chmod(mode);
    } finally {
      await handle.close();
    }
    await place.sync();
  });
}

/** Removes a file, or the link itself if the path ends in one; gone from the disk when this returns. */
export async function removeFile(path: string): Promise<void> {
  await withPlace(path, { keepLink: true }, async (place) => {
    await fs.unlink(place.at());
    await place.sync();
  });
}

async function writeTemporary(
  place: Place,
  temporary: string,
  contents: Contents,
  existing: Stats | undefined,
  { mode, keepOwner = true, onAclLost }: ReplaceOptions,
): Promise<void> {
  const wanted = mode ?? (existing === undefined ? undefined : existing.mode & 0o7777);
  const handle = await fs.open(temporary, "wx", wanted === undefined ? 0o666 : 0o600);
  try {
    if (existing !== undefined && keepOwner) await takeOwner(handle, existing);
    if (existing !== undefined && onAclLost !== undefined) {
      if (await losesAcl(place, handle, wanted!)) onAclLost();
    }
    if (wanted !== undefined) await setMode(handle, wanted);
    await handle.writeFile(contents as string);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function losesAcl(place: Place, temporary: fs.FileHandle, mode: number): Promise<boolean> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await fs.open(place.at(), flags).catch(() => undefined);
  // Who may not read it may replace it all the same.
  if (handle === undefined) return false;
  try {
    const stats = await handle.stat();
    return (await copyAttributes({ handle, stats }, { handle: temporary, mode })).isAclLost;
  } finally {
    await handle.close();
  }
}

async function writeInPlace(place: Place, contents: Contents, mode: number | undefined): Promise<void> {
  const handle = await fs.open(place.at(), constants.O_WRONLY);
  try {
    const isFile = (await handle.stat()).isFile();
    if (isFile && mode !== undefined) await setMode(handle, mode);
    if (isFile) await handle.truncate(0);
    await handle.writeFile(contents as string);
    if (isFile) await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Sets the mode and reads it back: on some file systems (FAT, some shared folders) chmod(2) does nothing. */
export async function setMode(handle: fs.FileHandle, mode: number): Promise<void> {
  await handle.chmod(mode).catch(async (error: NodeJS.ErrnoException) => {
    // Where nothing needs to change, being refused does no harm.
    if (((await handle.stat()).mode & 0o7777) !== mode) throw error;
  });
  const actual = (await handle.stat()).mode & 0o7777;
  if ((actual & ~mode & 0o066) !== 0) {
    throw errorWithCode(
      "EPERM",
      `the file system does not keep permissions: the file has mode ${octal(actual)} where ${octal(mode)} was set`,
    );
  }
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

/** Refuses what another user may have put there to get the contents. */
function refuseForeign({ folder, shownPath }: Place, target: Stats, itself: Stats): void {
  const isTrusted = [0, process.geteuid?.(), folder.uid].includes(target.uid);
  const isShared = (folder.mode & 0o1000) !== 0 && (folder.mode & 0o022) !== 0;
  if (target.isFile() && isShared && !isTrusted) {
    throw errorWithCode(
      "EACCES",
      `${shownPath} belongs to another user (uid ${target.uid}), in a folder that others can write to`,
    );
  }
  if (itself.isFIFO() && ![0, process.geteuid?.()].includes(itself.uid)) {
    throw errorWithCode("EPERM", `${shownPath} is a pipe of another user (uid ${itself.uid})`);
  }
}

/** A name for a file that is made, with O_EXCL, to be renamed; what a killed process leaves is removed later. */
export function temporaryName(): string {
  return `.nixops4-${process.pid}-${crypto.randomUUID().replaceAll("-", "")}.tmp`;
}

async function statIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await fs.stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function takeOwner(handle: fs.FileHandle, { uid, gid }: Stats): Promise<void> {
  const own = await handle.stat();
  if (own.uid === uid && own.gid === gid) return;
  await handle.chown(uid, gid).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EPERM") throw error;
  });
}

const LEFTOVER_AGE_MS = 60_000;

/** Removes what runs that were killed have left; a younger file may belong to a process we cannot see. */
async function removeLeftovers(place: Place): Promise<void> {
  for (const name of await fs.readdir(place.at("."))) {
    const pid = /^\.nixops4-(\d+)-[0-9a-f]{8,32}\.tmp$/.exec(name)?.[1];
    if (pid === undefined || isRunning(Number(pid))) continue;
    const path = place.at(name);
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
