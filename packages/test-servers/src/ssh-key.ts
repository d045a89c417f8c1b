import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

export interface SshKey {
  /** The path of the private key. */
  file: string;
  /** The contents of the public key's file. */
  publicKey: string;
}

/**
 * Makes a key with the real ssh-keygen. Default: ed25519 without a passphrase; `args` can change both, such as `["-t",
 * "rsa", "-N", "passphrase"]`.
 */
export async function makeSshKey(folder: string, name: string, args: string[] = []): Promise<SshKey> {
  const file = join(folder, name);
  const defaults = [
    ...(args.includes("-t") ? [] : ["-t", "ed25519"]),
    ...(args.includes("-N") ? [] : ["-N", ""]),
  ];
  await promisify(execFile)("ssh-keygen", ["-q", "-C", name, "-f", file, ...defaults, ...args]);
  return { file, publicKey: (await readFile(`${file}.pub`, "utf8")).trim() };
}
