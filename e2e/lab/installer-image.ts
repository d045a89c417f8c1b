import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { debianRoot, madeOnce } from "@nixops4-providers/test-servers";

/** The netboot files of the installer. They are shared, and must not be changed. */
export interface InstallerImage {
  kernel: string;
  initrd: string;
  cmdline: string[];
}

const RECIPE = path("./installer-image.sh");
/** The sources in the order of the script's arguments. */
const FILES = [
  path("./installer/init.sh"),
  path("./installer/lease.sh"),
  path("./installer/nixos-install.sh"),
  ...["install", "job", "disks", "hardware", "store", "steps", "reports"].map((part) =>
    path(`../../nix/installer/${part}.sh`),
  ),
];

/**
 * Makes a stand-in for the NixOS installer image. It runs the same `nix/installer/install.sh` in a Debian user land,
 * and installs that user land together with the system of the job (`nix/system.nix`) on a disk that `nix/disko.nix`
 * partitions. The first call takes some ten seconds, if `debianRoot` exists.
 */
export async function installerImage(): Promise<InstallerImage> {
  const debian = await debianRoot();
  const folder = await madeOnce("installer", RECIPE, [debian.initrd, ...FILES]);
  return {
    kernel: join(folder, "kernel"),
    initrd: join(folder, "initrd"),
    cmdline: ["console=ttyS0", "net.ifnames=0", "quiet", "mitigations=off"],
  };
}

function path(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url));
}
