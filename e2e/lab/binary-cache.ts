import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export interface BinaryCache {
  url: string;
  /** The public key, such as `lab-1:AAAA…`. */
  publicKey: string;
  /** The path of a file with the public key. */
  publicKeyFile: string;
  stop(): Promise<void>;
}

const PORT = 5000;
const SERVER = fileURLToPath(new URL("./binary-cache-server.ts", import.meta.url));
const PROJECT = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Serves the Nix store of this machine, including later builds, signed with a new key. Ends with this process at the
 * latest.
 */
export async function startBinaryCache(options: {
  /** The folder for the key. */
  folder: string;
  address: string;
  /**
   * Returns the command line that runs a command in the network namespace of `address`. The command ends with this
   * process.
   */
  enter: (...command: string[]) => string[];
}): Promise<BinaryCache> {
  const { folder, address, enter } = options;
  const [secretKeyFile, publicKeyFile] = [join(folder, "cache-secret-key"), join(folder, "cache-public-key")];
  await promisify(execFile)("nix-store", [
    "--generate-binary-cache-key",
    "lab-1",
    secretKeyFile,
    publicKeyFile,
  ]);
  const server = [process.execPath, "--import", "tsx", SERVER, address, String(PORT), secretKeyFile];
  const [program, ...args] = enter(...server);
  const child = spawn(program!, args, { cwd: PROJECT, stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const ready = await Promise.race([once(child.stdout, "data").then(() => true), exited.then(() => false)]);
  if (!ready) throw new Error("the binary cache has ended");
  return {
    url: `http://${address}:${PORT}`,
    publicKey: (await readFile(publicKeyFile, "utf8")).trim(),
    publicKeyFile,
    stop: async () => {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
