import { constants } from "node:fs";
import * as fs from "node:fs/promises";
import { join } from "node:path";
import { createLog, DamagedLogError, LockedError, lockFile, naming } from "@nixops4-providers/durable-log";
import { ProviderError } from "@nixops4-providers/provider-sdk";
import type { Limits } from "../core/limits.ts";
import type { Entry, Event, InstallRecord } from "../core/model.ts";
import type { AssetStore, HardwareStore, Install, OverlayStore, Snapshot, Store } from "../core/store.ts";
import { openAssets } from "./assets.ts";
import { openHardwareReports } from "./hardware-reports.ts";
import { openOverlays } from "./overlays.ts";
import { RecordFile } from "./record-file.ts";

export interface FileStoreOptions {
  folder: string;
  nixStore: string;
  limits: Limits;
  log: (message: string) => void;
}

const VERSION = 2;

/** The records of the journal, in this order. */
type JournalRecord =
  | { version: number; cursor: number; entries: number }
  | { entry: Entry }
  | { installs: Install[] }
  | { recent: Event[] }
  | { events: Event[] };

type InstallsRecord = { installs: Install[] };

/** Opens the store in a folder, which it creates if necessary and locks. Fails if another process uses it. */
export async function openFileStore({ folder, nixStore, limits, log }: FileStoreOptions): Promise<Store> {
  await fs.mkdir(folder, { recursive: true, mode: 0o700 });
  const opened: { close(): Promise<void> }[] = [await lockFolder(folder)];
  const close = async () => {
    for (const file of opened.toReversed()) await file.close();
  };
  try {
    const paths = { journal: join(folder, "journal.json"), installs: join(folder, "installs.json") };
    await makeFiles(folder, paths);
    const installs = new Map<string, InstallRecord>();
    const installsFile = await readFile(paths.installs, INSTALLS_HINT, log, (record) => {
      for (const [mac, install] of (record as InstallsRecord).installs) installs.set(mac, install);
    });
    opened.push(installsFile);
    const reader = new JournalReader();
    const journal = await readFile(paths.journal, JOURNAL_HINT, log, (record) =>
      reader.take(record as JournalRecord),
    );
    opened.push(journal);
    const stored = reader.end(paths.journal);
    return new FileStore(journal, installsFile, {
      stored: { ...stored, keptInstalls: [...installs] },
      overlays: await openOverlays(join(folder, "overlays")),
      assets: await openAssets(join(folder, "assets"), nixStore, limits),
      hardware: await openHardwareReports(join(folder, "hardware"), limits),
      close,
    });
  } catch (error) {
    await close();
    throw error;
  }
}

class FileStore implements Store {
  readonly stored: Store["stored"];
  readonly overlays: OverlayStore;
  readonly assets: AssetStore;
  readonly hardware: HardwareStore;
  readonly close: () => Promise<void>;
  readonly #journal: RecordFile;
  readonly #installs: RecordFile;

  constructor(
    journal: RecordFile,
    installs: RecordFile,
    parts: Pick<Store, "stored" | "overlays" | "assets" | "hardware" | "close">,
  ) {
    this.#journal = journal;
    this.#installs = installs;
    this.stored = parts.stored;
    this.overlays = parts.overlays;
    this.assets = parts.assets;
    this.hardware = parts.hardware;
    this.close = parts.close;
  }

  get isIntact(): boolean {
    return this.#journal.isIntact;
  }

  get isLong(): boolean {
    return this.#journal.isLong;
  }

  async append(events: readonly Event[]): Promise<void> {
    await this.#journal.append({ events });
  }

  async rewrite(snapshot: Snapshot): Promise<void> {
    await this.#journal.replace(snapshotRecords(snapshot));
  }

  async saveInstalls(
    changed: ReadonlyMap<string, InstallRecord>,
    all: ReadonlyMap<string, InstallRecord>,
  ): Promise<void> {
    if (this.#installs.isIntact && !this.#installs.isLong) {
      await this.#installs.append({ installs: [...changed] });
    } else await this.#installs.replace([...all].map((install) => ({ installs: [install] })));
  }
}

function* snapshotRecords({ cursor, entries, installs, recent }: Snapshot): Iterable<JournalRecord> {
  yield { version: VERSION, cursor, entries: entries.length };
  for (const entry of entries) yield { entry };
  for (const install of installs) yield { installs: [install] };
  for (const event of recent) yield { recent: [event] };
}

class JournalReader {
  #cursor = 0;
  readonly #entries: Entry[] = [];
  readonly #installs: Install[] = [];
  readonly #recent: Event[] = [];
  readonly #events: Event[] = [];
  #announced: number | undefined;

  take(record: JournalRecord): void {
    if (this.#announced === undefined) this.#begin(record);
    else if ("entry" in record) this.#entries.push(record.entry);
    else if ("installs" in record) this.#installs.push(...record.installs);
    else if ("recent" in record) this.#recent.push(...record.recent);
    else if ("events" in record) this.#events.push(...record.events);
    else throw new Error("it contains an unknown kind of record");
  }

  /** Returns the state after all records. Throws if records are missing. */
  end(path: string): Omit<Store["stored"], "keptInstalls"> {
    const [cursor, entries, installs] = [this.#cursor, this.#entries, this.#installs];
    if (this.#announced === entries.length) {
      return { cursor, entries, installs, recent: this.#recent, events: this.#events };
    }
    const what =
      this.#announced === undefined
        ? "cannot be read: it is empty"
        : `is damaged: it contains ${this.#entries.length} of ${this.#announced} entries`;
    throw new ProviderError(`${path} ${what}`, { hint: JOURNAL_HINT });
  }

  #begin(record: JournalRecord): void {
    if (!("version" in record)) throw new Error("it is not a journal");
    if (record.version !== VERSION) {
      throw new Error(
        `its format has version ${String(record.version)}, and this program reads version ${VERSION}`,
      );
    }
    this.#cursor = record.cursor;
    this.#announced = record.entries;
  }
}

async function lockFolder(folder: string): Promise<fs.FileHandle> {
  const path = join(folder, "lock");
  const lock = await fs.open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  try {
    await lockFile(lock.fd, "exclusive", { timeoutSeconds: 0 });
    return lock;
  } catch (cause) {
    await lock.close();
    if (!(cause instanceof LockedError)) throw new ProviderError(`cannot lock ${path}`, { cause });
    throw new ProviderError(`cannot use the store ${folder}: another boot server is using it`, {
      hint: "Stop the other boot server, or set `store` to another folder.",
    });
  }
}

/**
 * Creates the files of a new store, first the installs: if the journal exists without them, they were lost. If only assets
 * exist, the files were removed, or the wrong file system is mounted.
 */
async function makeFiles(folder: string, paths: { journal: string; installs: string }): Promise<void> {
  const [journal, installs] = await Promise.all([exists(paths.journal), exists(paths.installs)]);
  const assets = await fs.readdir(join(folder, "assets")).catch(() => []);
  if (!installs && (journal || assets.length > 0)) {
    throw new ProviderError(`installs.json is missing in the store ${folder}: nothing was changed`, {
      hint: `Restore it from a backup. It records which machines were installed. Without it, a machine that has no entry in journal.json counts as new, and its next network boot wipes its disk.`,
    });
  }
  await naming(paths.installs, createLog(paths.installs, { installs: [] }));
  await naming(paths.journal, createLog(paths.journal, { version: VERSION, cursor: 0, entries: 0 }));
}

async function exists(path: string): Promise<boolean> {
  return (await fs.stat(path).catch(() => undefined)) !== undefined;
}

const JOURNAL_HINT =
  "Nothing was changed. Restore the file from a backup. Or move it away to start without entries, and apply the " +
  "deployment again: installs.json still records which machines were installed.";
const FOREIGN_HINT = "Change its owner to the user of the service with chown(1).";
const INSTALLS_HINT =
  "Nothing was changed. Restore the file from a backup: it records which machines were installed, and must not be lost.";

async function readFile(
  path: string,
  hint: string,
  log: (message: string) => void,
  onRecord: (record: unknown) => void,
): Promise<RecordFile> {
  try {
    return await RecordFile.open(path, onRecord, log);
  } catch (cause) {
    const what = cause instanceof DamagedLogError ? "is damaged" : "cannot be read";
    const isForeign = (cause as NodeJS.ErrnoException).code === "EACCES";
    throw new ProviderError(`${path} ${what}`, { cause, hint: isForeign ? FOREIGN_HINT : hint });
  }
}
