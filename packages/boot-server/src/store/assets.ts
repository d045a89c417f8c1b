import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import { join, resolve, sep } from "node:path";
import { syncFolder } from "@nixops4-providers/durable-log";
import type { OpenAsset } from "../core/api.ts";
import type { Limits } from "../core/limits.ts";
import type { AssetRef } from "../core/model.ts";
import { Refusal } from "../core/refusal.ts";

const READ_BYTES = 512 * 1024;
const UPLOAD_PREFIX = ".upload-";

/**
 * Stores files by their SHA-256. A file that is in the Nix store is a link to it: it never changes, but Nix may delete it.
 */
export class Assets {
  readonly #folder: string;
  readonly #nixStore: string;
  readonly #limits: Limits;
  readonly #openedAt = performance.now();
  /** When each file was last requested, by `performance.now()`. The time of a file depends on the clock, which may be set. */
  readonly #touchedAt = new Map<string, number>();

  /** Use {@link openAssets}. */
  constructor(folder: string, nixStore: string, limits: Limits) {
    this.#folder = folder;
    this.#nixStore = nixStore;
    this.#limits = limits;
  }

  async has({ sha256, size }: AssetRef): Promise<boolean> {
    const stats = await fs.stat(this.#path(sha256)).catch(() => undefined);
    return stats?.isFile() === true && stats.size === size;
  }

  /** Restarts the time after which an unused asset is removed. */
  touch({ sha256 }: AssetRef): void {
    this.#touchedAt.set(sha256, performance.now());
  }

  /** Links a file of the Nix store. Returns whether it has the right content. */
  async adopt(asset: AssetRef, storePath: string): Promise<boolean> {
    const real = await fs.realpath(storePath).catch(() => undefined);
    if (real === undefined || !isBelow(real, this.#nixStore)) return false;
    const handle = await fs.open(real).catch(() => undefined);
    if (handle === undefined) return false;
    try {
      const stats = await handle.stat();
      if (!stats.isFile() || stats.size !== asset.size) return false;
      const hash = createHash("sha256");
      for await (const chunk of handle.createReadStream({ autoClose: false, highWaterMark: READ_BYTES })) {
        hash.update(chunk as Buffer);
      }
      if (hash.digest("hex") !== asset.sha256) return false;
    } finally {
      await handle.close();
    }
    const temporary = this.#temporary();
    await fs.symlink(real, temporary);
    await this.#keep(temporary, asset);
    return true;
  }

  async add(asset: AssetRef, data: AsyncIterable<Uint8Array>): Promise<void> {
    await this.#refuseTooMuch(asset);
    const temporary = this.#temporary();
    const handle = await fs.open(temporary, "wx", 0o600);
    try {
      try {
        const hash = createHash("sha256");
        let size = 0;
        for await (const chunk of data) {
          size += chunk.length;
          if (size > asset.size) break;
          hash.update(chunk);
          await handle.writeFile(chunk);
        }
        if (size !== asset.size) {
          const least = size > asset.size ? "at least " : "";
          throw new Refusal("invalid", `the upload had ${least}${size} bytes instead of ${asset.size}`);
        }
        if (hash.digest("hex") !== asset.sha256) {
          throw new Refusal("invalid", "the uploaded bytes do not have the announced SHA-256");
        }
        await handle.sync();
      } finally {
        await handle.close();
      }
      await this.#keep(temporary, asset);
    } catch (error) {
      await fs.rm(temporary, { force: true });
      throw error;
    }
  }

  /** Returns `undefined` if the asset does not exist. */
  async open({ sha256, size }: AssetRef): Promise<OpenAsset | undefined> {
    const handle = await fs.open(this.#path(sha256)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    if (handle === undefined) return undefined;
    if ((await handle.stat()).size !== size) {
      await handle.close();
      return undefined;
    }
    return {
      size,
      sha256,
      read: async (buffer, position) => (await handle.read(buffer, 0, buffer.length, position)).bytesRead,
      close: async () => handle.close(),
    };
  }

  /** Removes the assets that are not needed and were not requested within `assetGraceSeconds`. Returns their number. */
  async collect(needed: ReadonlySet<string>): Promise<number> {
    const before = performance.now() - this.#limits.assetGraceSeconds * 1000;
    let removed = 0;
    for (const name of await fs.readdir(this.#folder)) {
      if (needed.has(name) || name.startsWith(UPLOAD_PREFIX)) continue;
      if ((this.#touchedAt.get(name) ?? this.#openedAt) > before) continue;
      await fs.rm(join(this.#folder, name), { force: true });
      this.#touchedAt.delete(name);
      removed++;
    }
    return removed;
  }

  async #refuseTooMuch({ size }: AssetRef): Promise<void> {
    const { maxAssetBytes, maxAssets, minFreeBytes } = this.#limits;
    if (size > maxAssetBytes)
      throw new Refusal("limit", `the asset has ${size} bytes: the limit is ${maxAssetBytes} bytes`);
    if ((await fs.readdir(this.#folder)).length >= maxAssets) {
      throw new Refusal("limit", `there are already ${maxAssets} assets, which is the limit`);
    }
    const { bavail, bsize } = await fs.statfs(this.#folder);
    if (bavail * bsize < size + minFreeBytes) {
      throw new Refusal("limit", `the server's disk has no room for ${size} bytes`);
    }
  }

  async #keep(temporary: string, asset: AssetRef): Promise<void> {
    await fs.rename(temporary, this.#path(asset.sha256));
    await syncFolder(this.#folder);
    this.touch(asset);
  }

  #path(sha256: string): string {
    if (!/^[0-9a-f]{64}$/.test(sha256))
      throw new Refusal("invalid", "not a SHA-256 in lower-case hexadecimal");
    return join(this.#folder, sha256);
  }

  #temporary(): string {
    return join(this.#folder, `${UPLOAD_PREFIX}${crypto.randomUUID()}`);
  }
}

/** Opens the assets in a folder that no other process uses. Removes uploads that were interrupted. */
export async function openAssets(folder: string, nixStore: string, limits: Limits): Promise<Assets> {
  await fs.mkdir(folder, { recursive: true, mode: 0o700 });
  for (const name of await fs.readdir(folder)) {
    if (name.startsWith(UPLOAD_PREFIX)) await fs.rm(join(folder, name), { force: true });
  }
  return new Assets(folder, await fs.realpath(nixStore).catch(() => resolve(nixStore)), limits);
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}
