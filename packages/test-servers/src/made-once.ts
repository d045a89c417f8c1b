import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const CACHE = fileURLToPath(new URL("../../../.cache/lab", import.meta.url));

/**
 * Resolves to a folder under `.cache/lab` that a shell script makes, as root and under a lock. The arguments of the
 * script are the folder to make and `sources`. The folder is kept, also for other processes, until the script or a
 * source changes.
 */
export async function madeOnce(name: string, script: string, sources: string[] = []): Promise<string> {
  const hash = createHash("sha256");
  for (const file of [script, ...sources]) hash.update(await readFile(file));
  const folder = join(CACHE, `${name}-${hash.digest("hex").slice(0, 16)}`);
  if (!existsSync(folder)) await make(folder, script, sources);
  return folder;
}

async function make(folder: string, script: string, sources: string[]): Promise<void> {
  await mkdir(CACHE, { recursive: true });
  // All its processes end with this one, which also releases the lock and the mounts.
  const namespaces = ["--mount", "--pid", "--mount-proc", "--fork", "--kill-child"];
  const locked = ["flock", "--no-fork", join(CACHE, "lock"), "unshare", ...namespaces, "sh", script];
  const args = ["--pdeathsig", "KILL", ...locked, folder, ...sources];
  const maker = spawn("setpriv", args, { stdio: ["ignore", 2, 2] });
  const [status] = (await once(maker, "exit")) as [number | null];
  if (status !== 0) throw new Error(`${folder} could not be made; standard error says why`);
}
