import { constants, existsSync, mkdirSync, type BigIntStats, type Stats } from "node:fs";
import * as fs from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { runProcess } from "@nixops4-providers/provider-sdk";

/**
 * A name in an open folder. Calls with {@link at} go through the descriptor of the folder. Another user who renames folders or
 * makes links after the folder was opened cannot redirect them.
 */
export interface Place {
  /** The path with all links resolved, for messages. */
  shownPath: string;
  /** A path for calls of `node:fs`: to the last part of the path, or to another name in the same folder. */
  at(name?: string): string;
  folder: { uid: number; mode: number };
  /** Whether other users can rename and remove files of root and of this user in the folder. */
  isExposed: boolean;
  /** Makes renames, links and removals in the folder durable. */
  sync(): Promise<void>;
}

export interface PlaceOptions {
  /** Creates missing folders durably, with this mode regardless of the umask. When not set, a missing folder is an error. */
  folderMode?: number | undefined;
  /** Does not follow a link at the end of the path; false by default. */
  keepLink?: boolean;
  /** A folder at the start of the path. A link that leads out of it is refused (EXDEV). */
  below?: string;
  /** Refuses the path if another user can change any folder or link of it (EPERM); false by default. */
  isPrivate?: boolean;
}

/** Linux's open(2) flag for a descriptor that cannot be read. For a folder it needs search permission only. */
const O_PATH = 0o10000000;
const hasDescriptorPaths = process.platform === "linux" && existsSync("/proc/self/fd");
const PASSED = constants.O_DIRECTORY | (hasDescriptorPaths ? O_PATH : 0);
const MOST_LINKS = 40;

/**
 * Opens the folder of a file, calls `use` with it, and closes it. Follows a link in the path, also at its end, if the link
 * belongs to root, to this user, or to the owner of the folder that it leads to. Refuses other links (EPERM), because their
 * owner could redirect the write. systemd-tmpfiles(8) has a similar rule.
 *
 * Without /proc/self/fd (not on Linux), calls use the path, and only existing links are checked.
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
  /** The path of the open folder, with all links resolved. */
  #path = "/";
  /** The path of the folder that links must not lead out of. */
  #bounds: string | undefined;

  constructor(options: PlaceOptions) {
    this.#options = options;
  }

  async start(root: string): Promise<void> {
    await this.#enter(await fs.open(root, PASSED), root);
  }

  /** Opens the folder that the rest of the path must stay in. */
  async confine(folder: string): Promise<void> {
    await this.#goOn([...partsOf(folder), "."]);
    this.#bounds = this.#path;
  }

  /** Opens one folder of the path after the other. Returns the last part of the path. */
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

  /** Replaces the descriptor of the folder by its path in the message of an error of `node:fs`. */
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

  /** Returns the target of a link to follow. The kernel follows a link at the end that leads to a device or a pipe. */
  async #readLink(name: string, isLast: boolean): Promise<string | undefined> {
    for (;;) {
      const before = await lstatIfThere(this.#at(name));
      if (before === undefined || !before.isSymbolicLink()) return undefined;
      const target = await fs.readlink(this.#at(name));
      const after = await lstatIfThere(this.#at(name));
      // The link was replaced between the two calls.
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
 * Creates a folder and its missing parents with this mode, if they do not exist. Refuses the path if another user can change
 * any folder or link of it (EPERM). Returns the path with all links resolved; no other user can redirect it.
 */
export async function makePrivateFolder(path: string, folderMode: number): Promise<string> {
  const inside = join(resolve(path), "any");
  const options = { folderMode, keepLink: true, isPrivate: true };
  return withPlace(inside, options, async ({ shownPath }) => dirname(shownPath));
}

/** Creates a folder with exactly this mode. A later chmod(2) could act on another folder that has replaced it. */
function makeFolder(path: string, mode: number): void {
  const umask = process.umask(0o777 & ~mode);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    // Another process has created it meanwhile.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    process.umask(umask);
  }
}

/**
 * Opens a file, folder or link, and calls `use` with a path to it. The path stays valid if the file is renamed or replaced.
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

/** Syncs a folder, which makes renames, links and removals in it durable. */
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

/** Calls syncfs(2), which Node does not have. */
async function syncFileSystem(folder: fs.FileHandle): Promise<void> {
  await runProcess("sync", ["-f", "/dev/fd/3"], { inheritFds: [folder.fd] });
}

/** Whether files of this user can be trusted: root and this user can do everything that this process can. */
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
