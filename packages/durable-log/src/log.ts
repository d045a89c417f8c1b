import { type BigIntStats, constants, fstatSync, readSync, statSync, writeSync } from "node:fs";
import * as fs from "node:fs/promises";
import { basename } from "node:path";
import { stringifyJson } from "@nixops4-providers/json";
import { lockFile, type LockOptions } from "./lock.ts";
import { naming } from "./naming.ts";
import { errorWithCode, withPlace } from "./place.ts";
import { readRecords } from "./read-records.ts";
import { replaceFile, setMode, temporaryName } from "./replace-file.ts";

export interface LogOptions extends LockOptions {
  /** Called with the file that the remains of a torn record were moved to, and their size. */
  onRepair?: ((sideFile: string, bytes: number) => void) | undefined;
}

const CHUNK_BYTES = 1024 * 1024;
/** What link(2) answers on file systems without hard links. */
const NO_LINKS = new Set(["EPERM", "ENOSYS", "ENOTSUP", "EOPNOTSUPP"]);
const CLAIM_SECONDS = 10;
const BATCH_CHARACTERS = 256 * 1024;

/** Up to this size, a synchronous write is faster than one in a thread. */
const MAX_SYNC_BYTES = 64 * 1024;

/** Identifies the state of a log file: every write changes it. */
export type LogPosition = string;

/**
 * Atomically creates a log with one record and mode 0600. Returns `false`, and writes nothing, if the file exists.
 */
export async function createLog(path: string, first: object): Promise<boolean> {
  if ((await identityOf(path)) !== undefined) return false;
  const work = withPlace(path, {}, async (place) => {
    const temporary = place.at(temporaryName());
    const handle = await fs.open(temporary, "wx", 0o600);
    try {
      try {
        await setMode(handle, 0o600);
        await naming(path, handle.writeFile(encode(first)));
        await naming(path, handle.sync());
      } finally {
        await handle.close();
      }
      // Unlike a rename, a link does not replace a file that another process has made meanwhile.
      await fs.link(temporary, place.at()).catch((error: NodeJS.ErrnoException) => {
        if (!NO_LINKS.has(error.code ?? "")) throw error;
        return renameToNew(temporary, place.at());
      });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
      throw error;
    } finally {
      await fs.rm(temporary, { force: true });
    }
    await place.sync();
    return true;
  });
  return naming(path, work);
}

/** Renames a file to a name that must not exist, on a file system without hard links. */
async function renameToNew(from: string, to: string): Promise<void> {
  // A process that finds the empty file waits for our lock, and then reads it again.
  const claim = await fs.open(to, "wx", 0o600);
  try {
    await lockFile(claim.fd, "exclusive", { timeoutSeconds: CLAIM_SECONDS });
    if ((await claim.stat()).size > 0) throw errorWithCode("EEXIST", `${to} exists`);
    await fs.rename(from, to);
  } finally {
    await claim.close();
  }
}

/**
 * Opens a log and locks it while it is open; `shared` is for reading. With `held` it is not locked: the caller must exclude
 * all other writers, and the log stays writable after {@link OpenLog.replace}.
 */
export async function openLog(
  path: string,
  lock: "shared" | "exclusive" | "held",
  options: LogOptions,
): Promise<OpenLog> {
  for (;;) {
    const handle = await openFile(path, lock !== "shared");
    try {
      if (lock !== "held") await lockFile(handle.fd, lock, options);
      // While we waited, the file may have been replaced by a compacted one.
      const log = new OpenLog(path, handle, lock, options);
      if (await log.isInPlace()) return log;
    } catch (error) {
      await handle.close();
      throw error;
    }
    await handle.close();
  }
}

/**
 * An open log. If a write fails, the contents of the file may be unknown, or the path may lead to another file. The log is
 * then no longer intact, and refuses records until {@link OpenLog.replace} has written all of them again.
 */
export class OpenLog {
  readonly #path: string;
  readonly #lock: "shared" | "exclusive" | "held";
  readonly #options: LogOptions;
  #handle: fs.FileHandle;
  #isIntact = true;

  /** Use {@link openLog}. */
  constructor(
    path: string,
    handle: fs.FileHandle,
    lock: "shared" | "exclusive" | "held",
    options: LogOptions,
  ) {
    this.#path = path;
    this.#handle = handle;
    this.#lock = lock;
    this.#options = options;
  }

  get isIntact(): boolean {
    return this.#isIntact;
  }

  /** Whether the path still leads to the file that is open. */
  async isInPlace(): Promise<boolean> {
    const [opened, there] = await Promise.all([identityOf(this.#handle), identityOf(this.#path)]).catch(
      () => [],
    );
    return opened !== undefined && opened === there;
  }

  /**
   * Makes the file readable by its owner only. Returns the previous mode if it was wider. Fails with EPERM and without
   * `syscall` if the file system does not keep permissions.
   */
  async restrict(): Promise<number | undefined> {
    const mode = (await this.#handle.stat()).mode & 0o7777;
    if ((mode & 0o077) === 0) return undefined;
    await setMode(this.#handle, mode & 0o700);
    return mode;
  }

  position(): LogPosition {
    return positionOf(fstatSync(this.#handle.fd, { bigint: true }));
  }

  /** Whether the path still leads to this file, and the file has not changed. */
  isStillAt(position: LogPosition): boolean {
    return positionOf(statSync(this.#path, { bigint: true })) === position;
  }

  /** In bytes. */
  async size(): Promise<number> {
    return (await naming(this.#path, this.#handle.stat())).size;
  }

  /**
   * Returns all complete records. With an exclusive lock, a truncated record at the end is moved to a side file. With a
   * shared lock it is ignored, and `torn` is true.
   */
  async read(): Promise<{ records: unknown[]; torn: boolean }> {
    const records: unknown[] = [];
    const { torn } = await this.scan((record) => records.push(record));
    return { records, torn };
  }

  /** Calls `onRecord` for each record. Works as {@link read}, but does not keep the whole file in memory. */
  async scan(onRecord: (record: unknown) => void): Promise<{ torn: boolean }> {
    let end = 0;
    let count = 0;
    for await (const piece of readRecords(this.#chunks())) {
      for (const record of piece.records) onRecord(record);
      count += piece.records.length;
      end = piece.end;
    }
    const torn = end < (await this.size());
    // A file without a complete record may not be a log.
    if (!torn || this.#lock === "shared" || count === 0) return { torn };
    await this.#repair(end);
    return { torn: false };
  }

  /** Appends a record durably. Returns its size in bytes. */
  async append(record: object): Promise<number> {
    this.#refuseInDoubt();
    const { size, separator } = await naming(this.#path, this.#end());
    const bytes = Buffer.from(separator + encode(record));
    let isWritten = false;
    try {
      await naming(this.#path, this.#write(bytes));
      isWritten = true;
      await naming(this.#path, this.#handle.sync());
    } catch (error) {
      // After a failed sync, the contents of the disk are unknown, whatever a read returns.
      this.#isIntact = !isWritten && (await this.#takeBack(size));
      throw error;
    }
    return bytes.length;
  }

  /**
   * Replaces all records, and removes the side files of repairs. Returns the size of the file in bytes.
   */
  async replace(records: Iterable<object>): Promise<number> {
    let size = 0;
    try {
      await replaceFile(
        this.#path,
        batches(records, (bytes) => (size += bytes)),
      );
    } catch (error) {
      this.#isIntact &&= await this.isInPlace();
      throw error;
    }
    // The lock is on the old file, so the caller must open the log again.
    this.#isIntact = false;
    if (this.#lock === "held") await this.#reopen();
    await this.#removeSideFiles();
    return size;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  /** Uses synchronous calls, which are faster than the switch to a thread. */
  async #end(): Promise<{ size: number; separator: string }> {
    const { size } = fstatSync(this.#handle.fd);
    // From an empty file, nothing is read.
    const lastByte = Buffer.from("\n");
    readSync(this.#handle.fd, lastByte, 0, 1, Math.max(0, size - 1));
    return { size, separator: lastByte[0] === 0x0a ? "" : "\n" };
  }

  async #write(bytes: Buffer): Promise<void> {
    if (bytes.length > MAX_SYNC_BYTES) return this.#handle.appendFile(bytes);
    for (let at = 0; at < bytes.length;) at += writeSync(this.#handle.fd, bytes, at);
  }

  async *#chunks(): AsyncGenerator<Buffer> {
    for (let at = 0; ;) {
      const bytes = Buffer.allocUnsafe(CHUNK_BYTES);
      const { bytesRead } = await naming(this.#path, this.#handle.read(bytes, 0, bytes.length, at));
      if (bytesRead === 0) return;
      at += bytesRead;
      yield bytes.subarray(0, bytesRead);
    }
  }

  async #repair(end: number): Promise<void> {
    const sideFile = `${this.#path}.torn-${new Date().toISOString().replaceAll(":", "")}`;
    const remains = Buffer.alloc((await this.size()) - end);
    try {
      await this.#handle.read(remains, 0, remains.length, end);
      await replaceFile(sideFile, remains, { mode: 0o600 });
      await naming(this.#path, this.#handle.truncate(end));
      await naming(this.#path, this.#handle.sync());
    } catch (error) {
      // The log is readable, and replace() removes the remains when the disk has space again.
      if (this.#lock !== "held") throw error;
      this.#isIntact = false;
      return;
    }
    this.#options.onRepair?.(sideFile, remains.length);
  }

  /** Truncates the remains of a failed write. Returns whether the file is known to be as before. */
  async #takeBack(size: number): Promise<boolean> {
    try {
      await this.#handle.truncate(size);
      await this.#handle.sync();
      return await this.isInPlace();
    } catch {
      return false;
    }
  }

  async #reopen(): Promise<void> {
    const handle = await openFile(this.#path, true);
    const old = this.#handle;
    this.#handle = handle;
    this.#isIntact = true;
    await old.close().catch(() => {});
  }

  #refuseInDoubt(): void {
    if (this.#isIntact) return;
    throw new Error(`the contents of ${this.#path} are unknown after a failed write`);
  }

  async #removeSideFiles(): Promise<void> {
    const prefix = `${basename(this.#path)}.torn-`;
    await withPlace(this.#path, { keepLink: true }, async (place) => {
      const sideFiles = (await fs.readdir(place.at("."))).filter((name) => name.startsWith(prefix));
      for (const name of sideFiles) await fs.rm(place.at(name), { force: true });
      await place.sync();
    });
  }
}

/** Opens a regular file. Refuses links and special files that another user may have put in its place. */
async function openFile(path: string, isWritable: boolean): Promise<fs.FileHandle> {
  const access = isWritable ? constants.O_RDWR | constants.O_APPEND : constants.O_RDONLY;
  const flags = access | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await naming(
    path,
    withPlace(path, {}, (place) => fs.open(place.at(), flags)),
  );
  try {
    if (!(await naming(path, handle.stat())).isFile()) {
      throw errorWithCode("EINVAL", `${path} is not a regular file`);
    }
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function positionOf({ dev, ino, size, mtimeNs }: BigIntStats): LogPosition {
  return [dev, ino, size, mtimeNs].join(":");
}

/** Returns the device and inode of a file; `undefined` if it does not exist. */
async function identityOf(file: string | fs.FileHandle): Promise<string | undefined> {
  try {
    const { dev, ino } = await (typeof file === "string" ? fs.stat(file) : file.stat());
    return `${dev} ${ino}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

// Pretty-printed, as nixops4's own provider does: people read these files.
function encode(record: object): string {
  return `${stringifyJson(record, 2)}\n`;
}

/** Combines records into large writes, with a limited use of memory. */
function* batches(records: Iterable<object>, onBytes: (bytes: number) => void): Iterable<string> {
  let batch = "";
  const take = () => {
    const taken = batch;
    batch = "";
    onBytes(Buffer.byteLength(taken));
    return taken;
  };
  for (const record of records) {
    batch += encode(record);
    if (batch.length >= BATCH_CHARACTERS) yield take();
  }
  yield take();
}
