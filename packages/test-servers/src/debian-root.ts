import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { madeOnce } from "./made-once.ts";

/** The files that virtual machines boot from. They are shared and must not be changed. */
export interface DebianRoot {
  /** A raw ext4 file system without partitions. */
  image: string;
  kernel: string;
  initrd: string;
}

const RECIPE = fileURLToPath(new URL("./debian-root.sh", import.meta.url));
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

/** Returns the reason why virtual machines cannot run here; `undefined` if they can. */
export function labAvailable(): string | undefined {
  if (process.platform !== "linux" || process.arch !== "x64") return "it runs on x86_64 Linux only";
  if (process.getuid?.() !== 0) return "it needs root";
  const missing = PROGRAMS.filter((program) => !isInstalled(program));
  return missing.length === 0 ? undefined : `not installed: ${missing.join(", ")}`;
}

/**
 * Returns Debian 12 with systemd, OpenSSH and Nix. The first call builds it from packages of the host's apt, in about a
 * minute. Later calls, also from other processes, use `.cache/lab` until the recipe changes.
 */
export async function debianRoot(): Promise<DebianRoot> {
  const folder = await madeOnce("debian", RECIPE);
  return { image: join(folder, "image"), kernel: join(folder, "kernel"), initrd: join(folder, "initrd") };
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
