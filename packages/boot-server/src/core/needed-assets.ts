import type { OpenAsset } from "./api.ts";
import type { AssetRef, Entry, StoredSpec } from "./model.ts";
import { Refusal } from "./refusal.ts";
import type { AssetStore } from "./store.ts";

/** Knows which assets of the entries are missing, and which assets no entry needs. */
export class NeededAssets {
  readonly #store: AssetStore;
  /** Called when an asset was found to be missing. */
  readonly #onMissing: () => void;
  /** By SHA-256. */
  readonly #missing = new Set<string>();

  constructor(store: AssetStore, onMissing: () => void) {
    this.#store = store;
    this.#onMissing = onMissing;
  }

  /** Returns the assets that must be uploaded. Links those that are in the server's Nix store. */
  async findMissing(sources: { asset: AssetRef; storePath: string }[]): Promise<AssetRef[]> {
    const missing: AssetRef[] = [];
    for (const { asset, storePath } of sources) {
      const isStored =
        (await this.#store.has(asset)) || (storePath !== "" && (await this.#store.adopt(asset, storePath)));
      if (isStored) this.#store.touch(asset);
      else missing.push(asset);
    }
    return missing;
  }

  async add(asset: AssetRef, data: AsyncIterable<Uint8Array>): Promise<void> {
    await this.#store.add(asset, data);
    this.#missing.delete(asset.sha256);
  }

  async open(asset: AssetRef): Promise<OpenAsset> {
    const open = await this.#store.open(asset);
    if (open !== undefined) return open;
    this.#missing.add(asset.sha256);
    this.#onMissing();
    throw new Refusal("absent", "the file is missing in the boot server's store: apply the deployment again");
  }

  /** Returns the first asset of a spec that the store does not have, and its path within the spec. */
  async firstMissing(spec: StoredSpec): Promise<{ path: string; asset: AssetRef } | undefined> {
    for (const [i, asset] of assetsOf(spec).entries()) {
      if (await this.#store.has(asset)) continue;
      return { path: i === 0 ? "kernel" : `initrds.${i - 1}`, asset };
    }
    return undefined;
  }

  /** Returns whether an asset of the entry is known to be missing. */
  isIncomplete({ spec }: Entry): boolean {
    return assetsOf(spec).some(({ sha256 }) => this.#missing.has(sha256));
  }

  /** Removes the assets that no entry needs, and checks that the others are stored. */
  async collect(entries: readonly Entry[]): Promise<void> {
    const needed = entries.flatMap(({ spec }) => assetsOf(spec));
    await this.#store.collect(new Set(needed.map(({ sha256 }) => sha256)));
    for (const asset of needed) {
      if (await this.#store.has(asset)) this.#missing.delete(asset.sha256);
      else this.#missing.add(asset.sha256);
    }
  }
}

function assetsOf({ kernel, initrds }: StoredSpec): AssetRef[] {
  return [kernel, ...initrds];
}
