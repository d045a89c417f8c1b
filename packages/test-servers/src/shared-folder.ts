import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const BYTES = 16 * 1024 * 1024;

/** Returns the reason why {@link exfatFolder} does not work here; `undefined` if it does. */
export function missingForExfat(): string | undefined {
  if (process.getuid?.() !== 0) return "it needs root";
  for (const program of ["mkfs.exfat", "mount.exfat-fuse", "losetup"]) {
    if (spawnSync(program, ["--help"]).error !== undefined) return `${program} was not found`;
  }
  return spawnSync("losetup", ["--find"]).status === 0 ? undefined : "there are no loop devices";
}

/**
 * Mounts a file system without hard links, owners and modes, where the umask decides the mode of all files. Returns its
 * path, and a function that removes it.
 */
export function exfatFolder(umask: string): { path: string; remove(): void } {
  const base = mkdtempSync(join(tmpdir(), "exfat-"));
  const image = join(base, "image");
  writeFileSync(image, "");
  truncateSync(image, BYTES);
  execFileSync("mkfs.exfat", [image], { stdio: "ignore" });
  const device = execFileSync("losetup", ["--find", "--show", image], { encoding: "utf8" }).trim();
  const path = mkdtempSync(join(tmpdir(), "exfat-mount-"));
  execFileSync("mount.exfat-fuse", ["-o", `umask=${umask}`, device, path], { stdio: "ignore" });
  return {
    path,
    remove() {
      execFileSync("umount", ["--lazy", path]);
      execFileSync("losetup", ["--detach", device]);
      rmdirSync(path);
      rmSync(base, { recursive: true });
    },
  };
}
