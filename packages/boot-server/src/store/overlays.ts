import * as fs from "node:fs/promises";
import { join } from "node:path";
import { replaceFile } from "@nixops4-providers/durable-log";
import type { OverlayRef } from "../core/model.ts";
import { isOverlay } from "../core/overlay.ts";
import type { OverlayStore } from "../core/store.ts";

/** Stores overlays by their SHA-256, one file each, so that the secrets of an unused overlay can be deleted. */
export async function openOverlays(folder: string): Promise<OverlayStore> {
  await fs.mkdir(folder, { recursive: true, mode: 0o700 });
  const pathOf = ({ sha256 }: OverlayRef) => join(folder, sha256);
  const get = async (overlay: OverlayRef) => {
    const bytes = await fs.readFile(pathOf(overlay)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    return bytes !== undefined && isOverlay(bytes, overlay) ? bytes : undefined;
  };
  return {
    get,
    has: async (overlay) => (await get(overlay)) !== undefined,
    async put(overlay, bytes) {
      await replaceFile(pathOf(overlay), bytes, { mode: 0o600 });
    },
    async keepOnly(overlays) {
      for (const name of await fs.readdir(folder)) {
        if (!overlays.has(name)) await fs.rm(join(folder, name), { force: true });
      }
    },
  };
}
