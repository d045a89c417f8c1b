import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { accessSync, constants, existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The files that a virtual machine boots from; they are shared, so nobody writes to them. */
export interface DebianRoot {
  /** A raw ext4 file system without partitions. */
  image: string;
  kernel: string;
  initrd: string;
}

const RECIPE = fileURLToPath(new URL("./debian-root.sh", import.meta.url));
const CACHE = fileURLToPath(new URL("../../../.cache/lab", import.meta.url));
const PROGRAMS = [
  "qemu-system-x86_64",
  "qemu-img",
  "mmdebstrap",
  "apt-get",
  "mkfs.ext4",
  "flock",
  "unshare",
  "setpriv",
  "tar",
  "ssh",
  "ssh-keygen",
  "nix",
];

/** Why virtual machines cannot be used here; `undefined` when they can. */
export function labAvailable(): string | undefined {
  if (process.platform !== "linux" || process.arch !== "x64") return "it runs on x86_64 Linux only";
  if (process.getuid?.() !== 0) return "it needs root";
  const missing = PROGRAMS.filter((program) => !isInstalled(program));
  return missing.length === 0 ? undefined : `not installed: ${missing.join(", ")}`;
}

/**
 * Debian 12 with systemd, OpenSSH and Nix. The first call makes it, from the packages that the host's apt gets, in
 * about a minute; later ones, also of other processes, find it under `.cache/lab` until the recipe changes.
 */
export async function debianRoot(): Promise<DebianRoot> {
  const recipe = await readFile(RECIPE);
  const hash = createHash("sha256").update(recipe).digest("hex");
  const folder = join(CACHE, `debian-${hash.slice(0, 16)}`);
  if (!existsSync(folder)) await makeRoot(folder);
  return { image: join(folder, "image"), kernel: join(folder, "kernel"), initrd: join(folder, "initrd") };
}

async function makeRoot(folder: string): Promise<void> {
  await mkdir(CACHE, { recursive: true });
  // All of it dies with this process, and with it go the lock and the mounts.
  const namespaces = ["--mount", "--pid", "--mount-proc", "--fork", "--kill-child"];
  const locked = ["flock", "--no-fork", join(CACHE, "lock"), "unshare", ...namespaces, "sh", RECIPE, folder];
  const maker = spawn("setpriv", ["--pdeathsig", "KILL", ...locked], { stdio: ["ignore", 2, 2] });
  const [status] = (await once(maker, "exit")) as [number | null];
  if (status !== 0) throw new Error("the Debian root file system could not be made; standard error says why");
}

export function isInstalled(program: string): boolean {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
