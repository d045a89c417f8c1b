import { constants, type Stats } from "node:fs";
import * as fs from "node:fs/promises";
import { copyAttributes } from "./copy-attributes.ts";
import { naming } from "./naming.ts";
import { errorWithCode, isTrusted, octal, type Place, type PlaceOptions, withPlace } from "./place.ts";

/**
 * Replaces the contents of a file atomically and durably: after a crash, the file has either the old contents or the new
 * ones. Follows links by the rule of {@link withPlace}, so other users cannot redirect the write. Returns the path with all
 * links resolved.
 *
 * Writes to a device or a pipe in place. Refuses it if another user owns it or can change its folder (EPERM). Refuses a file of
 * another user in a folder that all users can write to (EACCES), as Linux's fs.protected_regular does. Sets the mode before
 * it writes the contents. Fails if the file system does not keep the mode and others could read the file (EPERM).
 */
export async function replaceFile(
  path: string,
  contents: Contents,
  options: ReplaceOptions = {},
): Promise<string> {
  return withPlace(path, options, async (place) => {
    const existing = await lstatIfThere(place.at());
    const isReplaced =
      existing === undefined || existing.isFile() || (options.keepLink && existing.isSymbolicLink());
    if (!isReplaced) await writeToSpecial(place, existing, contents);
    else await replaceAt(place, existing?.isFile() ? existing : undefined, contents, options);
    return place.shownPath;
  });
}

async function replaceAt(
  place: Place,
  existing: Stats | undefined,
  contents: Contents,
  options: ReplaceOptions,
): Promise<void> {
  if (existing !== undefined) refuseForeign(place, existing);
  await removeLeftovers(place);
  const temporary = place.at(temporaryName());
  try {
    await naming(place.shownPath, writeTemporary(place, temporary, contents, existing, options));
    await fs.rename(temporary, place.at());
  } catch (error) {
    await fs.rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  await place.sync();
}

/** Contents in parts need not be in memory all at once. */
type Contents = string | Uint8Array | Iterable<string>;

export interface ReplaceOptions extends PlaceOptions {
  /** Default: the mode of the existing file; for a new file, as the umask permits. */
  mode?: number | undefined;
  /** Whether to keep the owner of an existing file if that is permitted; true by default. */
  keepOwner?: boolean;
  /**
   * Called when the access list (ACL) of an existing file cannot be kept. When not set, the access list and the extended
   * attributes are dropped.
   */
  onAclLost?: (() => void) | undefined;
}

/**
 * Writes to an existing regular file in place, for a file that cannot be replaced (a mount point, or a folder without write
 * permission). A crash can leave incomplete contents.
 */
export async function overwriteFile(
  path: string,
  contents: string | Uint8Array,
  mode: number | undefined,
): Promise<void> {
  await withPlace(path, {}, (place) =>
    withRegular(place, constants.O_WRONLY, async (handle, stats) => {
      refuseForeign(place, stats);
      // The old contents may be secret, and the new mode wider.
      await handle.truncate(0);
      if (mode !== undefined) await setMode(handle, mode);
      await handle.writeFile(contents);
      await handle.sync();
    }),
  );
}

/** The contents of a regular file. */
export interface ReadFile {
  /** The path with all links resolved. */
  path: string;
  contents: Buffer;
  stats: Stats;
}

/** Reads a regular file. Returns `undefined` for anything else, and does not wait for a pipe. */
export async function readRegularFile(
  path: string,
  options: PlaceOptions = {},
): Promise<ReadFile | undefined> {
  return withPlace(path, options, async (place) => {
    const handle = await openIfOpenable(place);
    if (handle === undefined) return undefined;
    try {
      const stats = await handle.stat();
      if (!stats.isFile()) return undefined;
      return { path: place.shownPath, contents: await handle.readFile(), stats };
    } finally {
      await handle.close();
    }
  });
}

/** Changes the mode of a file durably. Fails if the path no longer leads to the file that was read (EAGAIN). */
export async function changeMode(
  path: string,
  mode: number,
  read: { stats: Stats },
  options: PlaceOptions = {},
): Promise<void> {
  await withPlace(path, options, (place) =>
    withRegular(place, constants.O_RDONLY, async (handle, stats) => {
      refuseExchanged(place, stats, read.stats);
      await setMode(handle, mode);
      await handle.sync();
    }),
  );
}

/** Removes a file durably. Removes a link at the end of the path, not its target. */
export async function removeFile(path: string, options: PlaceOptions = {}): Promise<void> {
  await withPlace(path, { ...options, keepLink: true }, async (place) => {
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
      if (await losesAcl(place, existing, handle, wanted!)) onAclLost();
    }
    if (wanted !== undefined) await setMode(handle, wanted);
    await handle.writeFile(contents as string);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function losesAcl(
  place: Place,
  existing: Stats,
  temporary: fs.FileHandle,
  mode: number,
): Promise<boolean> {
  const handle = await fs.open(place.at(), constants.O_RDONLY | AS_IT_IS).catch(() => undefined);
  // A file may be replaceable although it is not readable.
  if (handle === undefined) return false;
  try {
    const stats = await handle.stat();
    refuseExchanged(place, stats, existing);
    return (await copyAttributes({ handle, stats }, { handle: temporary, mode })).isAclLost;
  } finally {
    await handle.close();
  }
}

/** Flags of open(2) that do not follow a link and do not wait for a pipe. */
const AS_IT_IS = constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** The errors of open(2) for a link and for a socket. */
const NOT_OPENABLE = new Set(["ELOOP", "ENXIO"]);

async function openIfOpenable(place: Place): Promise<fs.FileHandle | undefined> {
  return fs.open(place.at(), constants.O_RDONLY | AS_IT_IS).catch((error: NodeJS.ErrnoException) => {
    if (!NOT_OPENABLE.has(error.code ?? "")) throw error;
    return undefined;
  });
}

async function withRegular(
  place: Place,
  access: number,
  use: (handle: fs.FileHandle, stats: Stats) => Promise<void>,
): Promise<void> {
  const handle = await fs.open(place.at(), access | AS_IT_IS);
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw errorWithCode("EINVAL", `${place.shownPath} is not a regular file`);
    // It may be a hard link, made by another user, to a file elsewhere.
    if (stats.nlink > 1 && place.isExposed) {
      throw errorWithCode("EPERM", `${place.shownPath} has another name, and may be a file of somebody else`);
    }
    await use(handle, stats);
  } finally {
    await handle.close();
  }
}

/** Writes to a device or a pipe, or through a link to one. */
async function writeToSpecial(place: Place, existing: Stats, contents: Contents): Promise<void> {
  const { isExposed, shownPath } = place;
  if (existing.isFIFO() && !isTrusted(existing.uid)) {
    throw errorWithCode("EPERM", `${shownPath} is a pipe of another user (uid ${existing.uid})`);
  }
  if (isExposed || !isTrusted(existing.uid)) {
    throw errorWithCode(
      "EPERM",
      `${shownPath} is not a regular file, and another user could have put it there`,
    );
  }
  const handle = await fs.open(place.at(), constants.O_WRONLY);
  try {
    await handle.writeFile(contents as string);
  } finally {
    await handle.close();
  }
}

/** Sets the mode and verifies it, because chmod(2) has no effect on some file systems (FAT, some shared folders). */
export async function setMode(handle: fs.FileHandle, mode: number): Promise<void> {
  await handle.chmod(mode).catch(async (error: NodeJS.ErrnoException) => {
    // The error does not matter if the mode is right already.
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

/** Refuses a file that another user may have made to get the contents. */
function refuseForeign({ folder, shownPath }: Place, { uid }: Stats): void {
  const isShared = (folder.mode & 0o1000) !== 0 && (folder.mode & 0o022) !== 0;
  if (!isShared || isTrusted(uid) || uid === folder.uid) return;
  throw errorWithCode(
    "EACCES",
    `${shownPath} belongs to another user (uid ${uid}), in a folder that others can write to`,
  );
}

function refuseExchanged({ shownPath }: Place, actual: Stats, expected: Stats): void {
  if (actual.ino === expected.ino && actual.dev === expected.dev) return;
  throw errorWithCode("EAGAIN", `${shownPath} was replaced by another file meanwhile`);
}

/** Returns a name for a temporary file, to be created with O_EXCL and renamed. Leftovers of killed processes are removed later. */
export function temporaryName(): string {
  return `.nixops4-${process.pid}-${crypto.randomUUID().replaceAll("-", "")}.tmp`;
}

async function lstatIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await fs.lstat(path);
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

/** Removes leftovers of killed processes. A file of less than a minute may belong to a process in another namespace. */
async function removeLeftovers(place: Place): Promise<void> {
  for (const name of await fs.readdir(place.at("."))) {
    const pid = /^\.nixops4-(\d+)-[0-9a-f]{8,32}\.tmp$/.exec(name)?.[1];
    if (pid === undefined || isRunning(Number(pid))) continue;
    const path = place.at(name);
    const stats = await fs.lstat(path).catch(() => undefined);
    if (stats?.isFile() && Date.now() - stats.mtimeMs > LEFTOVER_AGE_MS)
      await fs.unlink(path).catch(() => {});
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
