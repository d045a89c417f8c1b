import { constants } from "node:fs";
import * as fs from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { stringifyJson } from "@nixops4-providers/json";
import { lockFile, type LockOptions } from "./lock.ts";
import { parseRecords } from "./records.ts";
import { syncFolder } from "./place.ts";
import { replaceFile, temporaryIn } from "./replace-file.ts";

export interface LogOptions extends LockOptions {
  /** Told where the remains of a cut-off record were put. */
  onRepair?: ((sideFile: string, bytes: number) => void) | undefined;
}

/** Tells whether a log is still as it was: any other writer changes it. */
export type LogPosition = string;

/** Makes a new log of one record with mode 0600, all at once; `false` when there is a file already. */
export async function createLog(path: string, first: object): Promise<boolean> {
  const folder = dirname(resolve(path));
  const temporary = temporaryIn(folder);
  const handle = await fs.open(temporary, "wx", 0o600);
  try {
    try {
      await handle.writeFile(encode([first]));
      await handle.sync();
    } finally {
      await handle.close();
    }
    // Unlike a rename, a link does not replace what somebody else has made meanwhile.
    await fs.link(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await fs.rm(temporary, { force: true });
  }
  await syncFolder(folder);
  return true;
}

/** Opens a log and locks it, for as long as it is open; `shared` is for reading. */
export async function openLog(
  path: string,
  lock: "shared" | "exclusive",
  options: LogOptions,
): Promise<OpenLog> {
  const flags = lock === "shared" ? constants.O_RDONLY : constants.O_RDWR | constants.O_APPEND;
  for (;;) {
    const handle = await fs.open(path, flags);
    try {
      await lockFile(handle.fd, lock, options);
      // While we waited, the file may have been replaced by a compacted one.
      const [opened, there] = [await handle.stat(), await fs.stat(path)];
      if (opened.ino === there.ino && opened.dev === there.dev) {
        return new OpenLog(path, handle, lock === "exclusive", options);
      }
    } catch (error) {
      await handle.close();
      throw error;
    }
    await handle.close();
  }
}

export class OpenLog {
  readonly #path: string;
  readonly #handle: fs.FileHandle;
  readonly #writable: boolean;
  readonly #options: LogOptions;

  /** Use {@link openLog}. */
  constructor(path: string, handle: fs.FileHandle, writable: boolean, options: LogOptions) {
    this.#path = path;
    this.#handle = handle;
    this.#writable = writable;
    this.#options = options;
  }

  async position(): Promise<LogPosition> {
    const { dev, ino, size, mtimeNs } = await this.#handle.stat({ bigint: true });
    return [dev, ino, size, mtimeNs].join(":");
  }

  /** In bytes. */
  async size(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  /**
   * All whole records. Under an exclusive lock the remains of a write that was cut off are moved to a side
   * file; under a shared one they are passed over, and `torn` is true.
   */
  async read(): Promise<{ records: unknown[]; torn: boolean }> {
    const bytes = await this.#readAll();
    const { records, end } = parseRecords(bytes);
    let torn = end < bytes.length;
    // Without a single whole record this may not be a log at all.
    if (torn && this.#writable && records.length > 0) {
      await this.#repair(bytes.subarray(end), end);
      torn = false;
    }
    return { records, torn };
  }

  /** Adds a record; it is on the disk when this returns. */
  async append(record: object): Promise<void> {
    const size = await this.size();
    const lastByte = Buffer.alloc(1);
    if (size > 0) await this.#handle.read(lastByte, 0, 1, size - 1);
    const separator = size === 0 || lastByte[0] === 0x0a ? "" : "\n";
    try {
      await this.#handle.appendFile(separator + encode([record]));
      await this.#handle.sync();
    } catch (error) {
      // A full disk: take the part that was written away again.
      await this.#handle.truncate(size);
      throw error;
    }
  }

  /** Replaces all records. What the file held, the side files of repairs included, is gone afterwards. */
  async replace(records: readonly object[]): Promise<void> {
    await replaceFile(this.#path, encode(records));
    for (const sideFile of await this.#sideFiles()) await fs.rm(sideFile, { force: true });
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #readAll(): Promise<Buffer> {
    const size = await this.size();
    const bytes = Buffer.alloc(size);
    let filled = 0;
    while (filled < size) {
      const { bytesRead } = await this.#handle.read(bytes, filled, size - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  }

  async #repair(remains: Buffer, end: number): Promise<void> {
    const sideFile = `${this.#path}.torn-${new Date().toISOString().replaceAll(":", "")}`;
    await replaceFile(sideFile, remains, { mode: 0o600 });
    await this.#handle.truncate(end);
    await this.#handle.sync();
    this.#options.onRepair?.(sideFile, remains.length);
  }

  async #sideFiles(): Promise<string[]> {
    const folder = dirname(resolve(this.#path));
    const prefix = `${basename(this.#path)}.torn-`;
    return (await fs.readdir(folder))
      .filter((name) => name.startsWith(prefix))
      .map((name) => join(folder, name));
  }
}

// Pretty-printed, as nixops4's own provider does: people read these files.
function encode(records: readonly object[]): string {
  return records.map((record) => `${stringifyJson(record, 2)}\n`).join("");
}
