import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import { join } from "node:path";
import { replaceFile, syncFolder } from "@nixops4-providers/durable-log";
import type { Limits } from "../core/limits.ts";
import { Refusal } from "../core/refusal.ts";

/**
 * Stores the hardware reports of installers, one file for each entry. They are too large for the journal, and a lost report
 * does no harm: the next install sends it again.
 */
export class HardwareReports {
  readonly #folder: string;
  readonly #limits: Limits;

  /** Use {@link openHardwareReports}. */
  constructor(folder: string, limits: Limits) {
    this.#folder = folder;
    this.#limits = limits;
  }

  /** Replaces the report of an entry. Refused if less than `minFreeBytes` would stay free on the disk. */
  async put(entryId: string, report: Uint8Array): Promise<void> {
    const { bavail, bsize } = await fs.statfs(this.#folder);
    if (bavail * bsize < report.length + this.#limits.minFreeBytes) {
      throw new Refusal("limit", `the server's disk has no room for ${report.length} bytes`);
    }
    await replaceFile(this.#path(entryId), report, { mode: 0o600 });
  }

  /** Returns the report of an entry, `undefined` if there is none. */
  async get(entryId: string): Promise<Buffer | undefined> {
    return fs.readFile(this.#path(entryId)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
  }

  async remove(entryId: string): Promise<void> {
    await fs.rm(this.#path(entryId), { force: true });
    await syncFolder(this.#folder);
  }

  /** Hashes the id, which may be longer than a file name can be. */
  #path(entryId: string): string {
    return join(this.#folder, `${createHash("sha256").update(entryId).digest("hex")}.json.gz`);
  }
}

/** Opens the hardware reports in a folder, which it creates if necessary. */
export async function openHardwareReports(folder: string, limits: Limits): Promise<HardwareReports> {
  await fs.mkdir(folder, { recursive: true, mode: 0o700 });
  return new HardwareReports(folder, limits);
}
