import { constants, existsSync, mkdirSync, type BigIntStats, type Stats } from "node:fs";
import * as fs from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { runProcess } from "@nixops4-providers/provider-sdk";

/**
 * A name in a folder that is held open. Calls on {@link at} go through the descriptor of the folder, so nobody can
 * make them act elsewhere by renaming folders or planting links after the folder was found.
 */
export interface Place {
  /** The path as the user knows it, without links. */
  shownPath: string;
  /** The last part of the path, or another name in the same folder, for calls of `node:fs`. */
  at(name?: string): string;
  folder: { uid: number; mode: number };
  /** Whether other users can rename and remove what root or this user has put into the folder. */
  isExposed: boolean;
  /** Makes renames, links and removals in the folder durable. */
  sync(): Promise<void>;
}

export interface PlaceOptions {
  /** Makes missing folders, with this mode whatever the umask, and makes them durable; without it a missing folder is an error. */
  folderMode?: number | undefined;
  /** Leaves a link at the end of the path alone, to act on the link itself; false by default. */
  keepLink?: boolean;
  /** A folder that the path begins with, and that no link may lead out of (EXDEV). */
  below?: string;
  /** Refuses a path that another user can change at any place (EPERM); false by default. */
  isPrivate?: boolean;
}

/** Linux's open(2) flag for a descriptor that only names a folder: search permission is enough to get one. */
const O_PATH = 0o10000000;
const hasDescriptorPaths = process.platform === "linux" && existsSync("/proc/self/fd");
const PASSED = constants.O_DIRECTORY | (hasDescriptorPaths ? O_PATH : 0);
const MOST_LINKS = 40;

/**
 * Finds the folder of a file, calls `use` with it, and closes it. Links in the path are followed, also one at its
 * end, when they belong to root, to us, or to the owner of the folder that they lead to. A link of anybody else is
 * refused (EPERM): it would let that user choose what we write to. systemd-tmpfiles(8) has the same rule.
 *
 * Where there is no /proc/self/fd (not Linux), calls go by path and the guarantee holds for links only.
 */
export async function withPlace<T>(
  path: string,
  options: PlaceOptions,
  use: (place: Place) => Promise<T>,
): Promise<T> {
  const walk = new Walk(options);
  try {
    await walk.start("/");
    const { below } = options;
    if (below !== undefined) await walk.confine(resolve(below));
    const name = await walk.go(below === undefined ? resolve(path) : relative(resolve(below), resolve(path)));
    return await use(await walk.place(name));
  } catch (error) {
    throw walk.withShownPath(error);
  } finally {
    await walk.close();
  }
}

interface Link {
  path: string;
  uid: number;
}

class Walk {
  readonly #options: PlaceOptions;
  readonly #links: Link[] = [];
  #folder: fs.FileHandle | undefined;
  /** The path of the folder that is open, without links. */
  #path = "/";
  /** The same of the folder that must not be left. */
  #bounds: string | undefined;

  constructor(options: PlaceOptions) {
    this.#options = options;
  }

  async start(root: string): Promise<void> {
    await this.#enter(await fs.open(root, PASSED), root);
  }

  /** Enters a folder, not to leave it again. */
  async confine(folder: string): Promise<void> {
    await this.#goOn([...partsOf(folder), "."]);
    this.#bounds = this.#path;
  }

  /** Opens the folders on the way, one in the other; returns the name at the end. */
  async go(path: string): Promise<string> {
    return this.#goOn(partsOf(path));
  }

  async #goOn(parts: string[]): Promise<string> {
    for (;;) {
      const name = parts.shift() ?? ".";
      const isLast = parts.length === 0;
      const target =
        isLast && this.#options.keepLink === true ? undefined : await this.#readLink(name, isLast);
      if (target !== undefined) {
        if (target.startsWith("/")) await this.start("/");
        parts.unshift(...partsOf(target));
      } else if (isLast) return name;
      else await this.#descend(name);
    }
  }

  async place(name: string): Promise<Place> {
    const folder = await this.#refuseForeignLinks();
    return {
      shownPath: join(this.#path, name),
      at: (other = name) => this.#at(other),
      folder,
      isExposed: isExposed(folder),
      sync: () => syncFolder(this.#at(".")),
    };
  }

  async #refuseForeignLinks(): Promise<{ uid: number; mode: number }> {
    this.#refuseOutside();
    const { uid, mode } = await this.#folder!.stat();
    const trusted = this.#options.isPrivate === true ? [] : [uid];
    const foreign = this.#links.find((link) => !isTrusted(link.uid) && !trusted.includes(link.uid));
    if (foreign === undefined) return { uid, mode };
    throw errorWithCode(
      "EPERM",
      `${foreign.path} is a symbolic link of another user (uid ${foreign.uid}) and leads to a folder of uid ${uid}`,
    );
  }

  #refuseOutside(): void {
    const bounds = this.#bounds;
    if (bounds === undefined || `${this.#path}/`.startsWith(bounds === "/" ? "/" : `${bounds}/`)) return;
    const link = this.#links.at(-1)?.path ?? bounds;
    throw errorWithCode("EXDEV", `${link} leads out of ${bounds}, to ${this.#path}`);
  }

  async #refuseExposed(folder: fs.FileHandle, path: string): Promise<void> {
    const { uid, mode } = await folder.stat();
    if (!isExposed({ uid, mode })) return;
    const reason = isTrusted(uid)
      ? `has mode ${octal(mode & 0o7777)}`
      : `belongs to another user (uid ${uid})`;
    throw errorWithCode("EPERM", `${path} ${reason}: others could change what is in it`);
  }

  /** Puts the path of the folder in the place of its descriptor in the message of an error of `node:fs`. */
  withShownPath(error: unknown): unknown {
    if (error instanceof Error && "syscall" in error) {
      error.message = error.message.replaceAll(/\/proc\/self\/fd\/\d+(?=\/)/g, this.#path.replace(/\/$/, ""));
    }
    return error;
  }

  async close(): Promise<void> {
    await this.#folder?.close();
    this.#folder = undefined;
  }

  #at(name: string): string {
    return hasDescriptorPaths ? `/proc/self/fd/${this.#folder!.fd}/${name}` : join(this.#path, name);
  }

  /** The target of a link to follow. A link at the end that leads to a device or a pipe is left to the kernel. */
  async #readLink(name: string, isLast: boolean): Promise<string | undefined> {
    for (;;) {
      const before = await lstatIfThere(this.#at(name));
      if (before === undefined || !before.isSymbolicLink()) return undefined;
      const target = await fs.readlink(this.#at(name));
      const after = await lstatIfThere(this.#at(name));
      // Another link was put there between the two calls.
      if (after?.ino !== before.ino || after.ctimeNs !== before.ctimeNs) continue;
      this.#links.push({ path: join(this.#path, name), uid: Number(before.uid) });
      if (this.#links.length > MOST_LINKS)
        throw errorWithCode("ELOOP", `too many levels of symbolic links: ${join(this.#path, name)}`);
      return isLast && (await isSpecial(this.#at(name))) ? undefined : target;
    }
  }

  async #descend(name: string): Promise<void> {
    const { folderMode } = this.#options;
    const open = () => fs.open(this.#at(name), PASSED | constants.O_NOFOLLOW);
    const folder = await open().catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT" || folderMode === undefined) throw error;
      await this.#makeFolder(name, folderMode);
      return open();
    });
    await this.#enter(folder, join(this.#path, name));
  }

  async #makeFolder(name: string, mode: number): Promise<void> {
    await this.#refuseForeignLinks();
    makeFolder(this.#at(name), mode);
    await syncFolder(this.#at("."));
  }

  async #enter(folder: fs.FileHandle, path: string): Promise<void> {
    await this.close();
    this.#folder = folder;
    this.#path = path;
    if (this.#options.isPrivate === true) await this.#refuseExposed(folder, path);
  }
}

/**
 * Makes a folder that only root and this user can change, and those above it that are missing, with this mode. Returns its path
 * without links, which nobody else can make lead elsewhere. A path that another user can change is refused (EPERM).
 */
export async function makePrivateFolder(path: string, folderMode: number): Promise<string> {
  const inside = join(resolve(path), "any");
  const options = { folderMode, keepLink: true, isPrivate: true };
  return withPlace(inside, options, async ({ shownPath }) => dirname(shownPath));
}

/** Makes a folder with just this mode: a chmod(2) afterwards could act on another that was put in its place. */
function makeFolder(path: string, mode: number): void {
  const umask = process.umask(0o777 & ~mode);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    // Another process made it just now.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    process.umask(umask);
  }
}

/**
 * Calls `use` with a path that leads to the file, folder or link that has a name now, whatever has that name later.
 * Linux only.
 */
export async function withInode<T>(
  path: string,
  use: (inode: string, stats: Stats) => Promise<T>,
): Promise<T> {
  const handle = await fs.open(path, O_PATH | constants.O_NOFOLLOW);
  try {
    return await use(`/proc/self/fd/${handle.fd}`, await handle.stat());
  } finally {
    await handle.close();
  }
}

/** Errors of file systems that cannot sync a folder, such as some shared folders. */
const NO_FOLDER_SYNC = new Set(["EINVAL", "ENOSYS", "ENOTSUP", "EOPNOTSUPP"]);

/** Makes renames, links and removals in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await fs.open(folder, "r");
  try {
    await handle.sync().catch((error: NodeJS.ErrnoException) => {
      if (!NO_FOLDER_SYNC.has(error.code ?? "")) throw error;
      return syncFileSystem(handle);
    });
  } finally {
    await handle.close();
  }
}

/** By syncfs(2), which Node does not have. */
async function syncFileSystem(folder: fs.FileHandle): Promise<void> {
  await runProcess("sync", ["-f", "/dev/fd/3"], { inheritFds: [folder.fd] });
}

/** Root and this user could do all that we do without us. */
export function isTrusted(uid: number): boolean {
  return uid === 0 || uid === process.geteuid?.();
}

function isExposed({ uid, mode }: { uid: number; mode: number }): boolean {
  return !isTrusted(uid) || ((mode & 0o022) !== 0 && (mode & 0o1000) === 0);
}

export function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

export function errorWithCode(code: string, message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code });
}

function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

async function lstatIfThere(path: string): Promise<BigIntStats | undefined> {
  return fs.lstat(path, { bigint: true }).catch(absent);
}

async function isSpecial(link: string): Promise<boolean> {
  const stats = await fs.stat(link).catch(absent);
  return stats !== undefined && !stats.isFile() && !stats.isDirectory();
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT" && error.code !== "ELOOP") throw error;
}
