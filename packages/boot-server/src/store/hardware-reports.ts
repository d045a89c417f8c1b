import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import { join } from "node:path";
import { replaceFile, syncFolder } from "@nixops4-providers/durable-log";
import type { Limits } from "../core/limits.ts";
import { Refusal } from "../core/refusal.ts";

/**
 * What installers have found in their machines, a file an entry. They are too large for the journal, and losing one
 * does no harm: the next install reports it again.
 */
export class HardwareReports {
  readonly #folder: string;
  readonly #limits: Limits;

  /** Use {@link openHardwareReports}. */
  constructor(folder: string, limits: Limits) {
    this.#folder = folder;
    this.#limits = limits;
  }

  /** Puts it in the place of the last one. Refused when the disk is nearly full. */
  async put(entryId: string, report: Uint8Array): Promise<void> {
    const { bavail, bsize } = await fs.statfs(this.#folder);
    if (bavail * bsize < report.length + this.#limits.minFreeBytes) {
      throw new Refusal("limit", `the server's disk has no room for ${report.length} bytes`);
    }
    await replaceFile(this.#path(entryId), report, { mode: 0o600 });
  }

  /** `undefined` when there is none. */
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

  /** An id may have characters, or a length, that a file's name may not. */
  #path(entryId: string): string {
    return join(this.#folder, `${createHash("sha256").update(entryId).digest("hex")}.json.gz`);
  }
}

/** The folder is made when it is not there. */
export async function openHardwareReports(folder: string, limits: Limits): Promise<HardwareReports> {
  await fs.mkdir(folder, { recursive: true, mode: 0o700 });
  return new HardwareReports(folder, limits);
}
