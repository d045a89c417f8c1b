import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

export interface SshKey {
  /** The private key's file. */
  file: string;
  /** The line of the public key's file. */
  publicKey: string;
}

/**
 * Makes a key with the real ssh-keygen: ed25519 without a passphrase, unless `args` say otherwise, as in
 * `["-t", "rsa", "-N", "passphrase"]`.
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
