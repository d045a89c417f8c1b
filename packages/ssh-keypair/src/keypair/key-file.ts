import type { Stats } from "node:fs";
import * as fs from "node:fs/promises";
import { changeMode, readRegularFile, removeFile, replaceFile } from "@nixops4-providers/durable-log";
import { ProviderError } from "@nixops4-providers/provider-sdk";
import { inspectPrivateKey, type PublicKey } from "@nixops4-providers/ssh-keys";

/** A file that holds a private key. */
export interface KeyFile {
  path: string;
  text: string;
  mode: number;
  stats: Stats;
  /** The public key without comment. */
  publicKey: PublicKey;
  /** The hint for the error when this key cannot be used. */
  advice: string;
}

const MODE = 0o600;
const FOLDER_MODE = 0o700;

/** Reads the parts of a private key file that need no passphrase; `undefined` if the file does not exist. */
export async function readKeyFile(path: string, advice: string): Promise<KeyFile | undefined> {
  try {
    const file = await readRegularFile(path);
    if (file === undefined) throw new Error("it is not a regular file");
    const { stats } = file;
    if (stats.uid !== process.geteuid?.()) throw new Error(foreignOwner(stats));
    const text = file.contents.toString("utf8");
    const { publicKey } = inspectPrivateKey(text);
    return { path, text, mode: stats.mode & 0o7777, stats, publicKey, advice };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new ProviderError(`cannot use the private key file ${path}`, { hint: advice, cause });
  }
}

function foreignOwner({ uid, mode }: { uid: number; mode: number }): string {
  const octal = (mode & 0o7777).toString(8).padStart(4, "0");
  return `it belongs to another user (uid ${uid}, mode ${octal}), who knows the key`;
}

/** Writes the file unless it has this text, and makes it readable by its owner only. */
export async function writeKeyFile(path: string, text: string, existing: KeyFile | undefined): Promise<void> {
  try {
    if (existing?.text !== text) {
      await replaceFile(path, text, { mode: MODE, folderMode: FOLDER_MODE, keepOwner: false });
    } else if (existing.mode !== MODE) {
      await changeMode(path, MODE, existing);
    }
  } catch (cause) {
    throw new ProviderError(`cannot write the private key file ${path}`, { cause });
  }
}

export async function removeKeyFile(path: string): Promise<void> {
  try {
    await removeFile(path);
  } catch (cause) {
    throw new ProviderError(`cannot remove the private key file ${path}, which has moved`, { cause });
  }
}

/** Whether two paths lead to one file, by a link or another spelling. */
export async function areSameFile(one: string, other: string): Promise<boolean> {
  const [first, second] = [await statIfThere(one), await statIfThere(other)];
  return first !== undefined && first.dev === second?.dev && first.ino === second.ino;
}

async function statIfThere(path: string) {
  return fs.stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}
