import { constants } from "node:fs";
import * as fs from "node:fs/promises";
import { join } from "node:path";
import { createLog, DamagedLogError, lockFile, openLog, type OpenLog } from "@nixops4-providers/durable-log";
import { ProviderError } from "@nixops4-providers/provider-sdk";
import type { Entry, Event, InstallRecord } from "../core/model.ts";

/** All that is stored but the assets, at one moment. */
interface Snapshot {
  /** Of the last event in it. */
  cursor: number;
  entries: Entry[];
  installs: [mac: string, record: InstallRecord][];
  /** The latest events, for watchers; the last one has the number `cursor`. */
  recent: Event[];
}

/** What keeps the events. A shared one can take the place of the file, for more than one server. */
export interface Journal {
  /** What was stored last time: a snapshot and the events after it. */
  readonly snapshot: Snapshot;
  readonly events: Event[];
  /** All of them are on the disk when it returns, or none. */
  append(events: readonly Event[]): Promise<void>;
  /** Puts a snapshot in the place of everything. */
  compact(snapshot: Snapshot): Promise<void>;
  /** Whether it has become long compared to what is in it. */
  readonly isLong: boolean;
  close(): Promise<void>;
}

const VERSION = 1;
const MIN_LONG_BYTES = 4 * 1024 * 1024;

interface Header extends Snapshot {
  version: number;
}

/** Opens the journal in a folder, which is this process's alone from then on. */
export async function openJournal(folder: string, log: (message: string) => void): Promise<Journal> {
  await fs.mkdir(folder, { recursive: true, mode: 0o700 });
  const lock = await lockFolder(folder);
  try {
    const path = join(folder, "journal.json");
    await refuseLostJournal(folder, path);
    const empty: Header = { version: VERSION, cursor: 0, entries: [], installs: [], recent: [] };
    await createLog(path, empty);
    const open = async () =>
      openLog(path, "exclusive", {
        timeoutSeconds: 10,
        onRepair: (side, bytes) =>
          log(`the last write to ${path} was cut off: its ${bytes} bytes are in ${side}`),
      });
    const file = await open();
    const [header, ...records] = await readRecords(file, path);
    return new FileJournal(lock, open, file, header, records as { events: Event[] }[]);
  } catch (error) {
    await lock.close();
    throw error;
  }
}

class FileJournal implements Journal {
  readonly snapshot: Snapshot;
  readonly events: Event[];
  readonly #lock: fs.FileHandle;
  readonly #open: () => Promise<OpenLog>;
  #file: OpenLog;
  #bytes = 0;
  #compactBytes = 0;

  constructor(
    lock: fs.FileHandle,
    open: () => Promise<OpenLog>,
    file: OpenLog,
    snapshot: Snapshot,
    records: { events: Event[] }[],
  ) {
    this.#lock = lock;
    this.#open = open;
    this.#file = file;
    this.snapshot = snapshot;
    this.events = records.flatMap(({ events }) => events);
    this.#bytes = JSON.stringify([snapshot, records]).length;
  }

  get isLong(): boolean {
    return this.#bytes > Math.max(MIN_LONG_BYTES, 4 * this.#compactBytes);
  }

  async append(events: readonly Event[]): Promise<void> {
    await this.#file.append({ events });
    this.#bytes += JSON.stringify(events).length;
  }

  async compact(snapshot: Snapshot): Promise<void> {
    const header: Header = { version: VERSION, ...snapshot };
    await this.#file.replace([header]);
    const old = this.#file;
    this.#file = await this.#open();
    await old.close();
    this.#bytes = this.#compactBytes = JSON.stringify(header).length;
  }

  async close(): Promise<void> {
    await this.#file.close();
    await this.#lock.close();
  }
}

async function lockFolder(folder: string): Promise<fs.FileHandle> {
  const lock = await fs.open(join(folder, "lock"), constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    await lockFile(lock.fd, "exclusive", { timeoutSeconds: 0 });
    return lock;
  } catch (cause) {
    await lock.close();
    throw new ProviderError(`cannot use the store ${folder}: another server does`, {
      cause,
      hint: "Stop that one first, or give this one a store of its own.",
    });
  }
}

/** Assets without a journal: somebody has removed it, or mounted the wrong thing. */
async function refuseLostJournal(folder: string, path: string): Promise<void> {
  const [journal, assets] = await Promise.all([
    fs.stat(path).catch(() => undefined),
    fs.readdir(join(folder, "assets")).catch(() => []),
  ]);
  if (journal !== undefined || assets.length === 0) return;
  throw new ProviderError(`the store ${folder} has assets but no journal.json: nothing has been changed`, {
    hint: "Restore journal.json from a backup, or remove the folder `assets` to begin with an empty store.",
  });
}

async function readRecords(file: OpenLog, path: string): Promise<[Header, ...unknown[]]> {
  const hint =
    "Nothing has been changed. Restore the file from a backup; or move it and the folder `assets` away, to begin " +
    "with an empty store, and apply your deployment again: machines that were installed are then known as new.";
  try {
    const { records, torn } = await file.read();
    const [header] = records as Header[];
    if (torn || header === undefined) throw new Error("it is not a journal");
    if (header.version !== VERSION) {
      throw new Error(`its version is ${String(header.version)}, and this program knows ${VERSION}`);
    }
    return records as [Header, ...unknown[]];
  } catch (cause) {
    await file.close();
    const what = cause instanceof DamagedLogError ? "is damaged" : "cannot be read";
    throw new ProviderError(`${path} ${what}`, { cause, hint });
  }
}
