import { constants } from "node:fs";
import { open, realpath, type FileHandle } from "node:fs/promises";
import { join, sep } from "node:path";
import type { OpenFile } from "./block-reader.ts";

/**
 * Returns an `open` function that serves the regular files below a folder. Names are relative to the folder, with or
 * without a leading slash. A name with a `..` part, or a symbolic link that leads out of the folder, is not found.
 */
export function filesUnder(root: string): (filename: string) => Promise<OpenFile | undefined> {
  return async (filename) => {
    if (filename.includes("\0") || filename.split(/[/\\]/).includes("..")) return undefined;
    try {
      return await openInside(await realpath(root), filename);
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  };
}

async function openInside(root: string, filename: string): Promise<OpenFile | undefined> {
  const path = await realpath(join(root, filename));
  if (!isInside(root, path)) return undefined;
  // O_NONBLOCK: opening a named pipe would wait for a writer.
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = await handle.stat();
    // Checked again on the open file: a parent folder may have been replaced by a link meanwhile.
    if (stats.isFile() && isInside(root, await realpath(`/proc/self/fd/${handle.fd}`))) {
      return servedFile(handle, stats.size);
    }
  } catch (error) {
    await handle.close();
    throw error;
  }
  await handle.close();
  return undefined;
}

function servedFile(handle: FileHandle, size: number): OpenFile {
  return {
    size,
    read: async (offset, length) => {
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(length), 0, length, offset);
      return buffer.subarray(0, bytesRead);
    },
    close: async () => handle.close(),
  };
}

function isInside(root: string, path: string): boolean {
  return path.startsWith(root.endsWith(sep) ? root : root + sep);
}

function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code !== undefined && ["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG", "ENXIO"].includes(code);
}
