import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import * as fs from "node:fs/promises";
import type { Asset } from "@nixops4-providers/boot-api";
import { ProviderError } from "@nixops4-providers/provider-sdk";

/** A file that a machine boots. */
export interface BootAsset extends Asset {
  path: string;
  /** The path where the service may find the file itself, or the empty string. */
  storePath: string;
}

const CHUNK_BYTES = 1024 * 1024;
const MAX_NAMES = 10;

/** Hashes a file. `field` is the path of the input, for errors. */
export async function describeAsset(path: string, field: string, signal: AbortSignal): Promise<BootAsset> {
  try {
    const stats = await fs.stat(path);
    if (stats.isDirectory()) throw await isFolder(path);
    if (!stats.isFile()) throw new Error("it is not a regular file");
    if (stats.size === 0) throw new Error("it is empty");
    const realPath = await fs.realpath(path);
    const asset = { path, size: stats.size, storePath: isInStore(realPath) ? realPath : "" };
    const hash = createHash("sha256");
    for await (const chunk of readWhole(path, stats.size, signal)) hash.update(chunk);
    if ((await fs.stat(path)).mtimeMs !== stats.mtimeMs) throw changed();
    return { ...asset, sha256: hash.digest("hex") };
  } catch (cause) {
    signal.throwIfAborted();
    throw new ProviderError(`cannot use the file ${path}`, { path: field, cause });
  }
}

/** Reads the file. Fails at the end if the contents have changed since they were hashed. */
export async function* readAsset(
  { path, sha256, size }: BootAsset,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const hash = createHash("sha256");
  for await (const chunk of readWhole(path, size, signal)) {
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest("hex") !== sha256) throw changed();
}

async function* readWhole(path: string, size: number, signal: AbortSignal): AsyncGenerator<Buffer> {
  let rest = size;
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES, signal })) {
    rest -= (chunk as Buffer).length;
    if (rest < 0) break;
    yield chunk as Buffer;
  }
  if (rest !== 0) throw changed();
}

function changed(): ProviderError {
  return new ProviderError("it changed while it was being read", {
    hint: "Apply again when nothing writes to it any more.",
  });
}

async function isFolder(path: string): Promise<ProviderError> {
  const names = (await fs.readdir(path)).toSorted();
  const shown = names.length > MAX_NAMES ? [...names.slice(0, MAX_NAMES), "…"] : names;
  const likely = names.find((name) => /^(bzImage|Image|vmlinuz|linux|initrd)/.test(name)) ?? names[0];
  return new ProviderError(`it is a folder, with ${shown.join(", ") || "nothing"} in it`, {
    hint: `Give the file${likely === undefined ? "" : `, as ${path.replace(/\/$/, "")}/${likely}`}.`,
  });
}

function isInStore(path: string): boolean {
  return path.startsWith(`${process.env["NIX_STORE_DIR"] ?? "/nix/store"}/`);
}
