import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

/** The programs that tests run for real, and the Debian packages that have them. */
const PROGRAMS: Record<string, string> = {
  sshd: "openssh-server",
  ssh: "openssh-client",
  age: "age",
  jq: "jq",
  shellcheck: "shellcheck",
  sudo: "sudo",
  busybox: "busybox-static",
  tftp: "tftp-hpa",
  atftp: "atftp",
  curl: "curl",
  "qemu-system-x86_64": "qemu-system-x86",
  "qemu-img": "qemu-utils",
  mmdebstrap: "mmdebstrap",
  "mkfs.ext4": "e2fsprogs",
  nix: "nix-bin",
};

/** Installs what is missing when this is Debian and we are root; the suites that need it are skipped otherwise. */
export function installDebianPackages(): void {
  const missing = Object.entries(PROGRAMS).filter(([program]) => !isInstalled(program));
  if (missing.length === 0) return;
  const packages = missing.map(([, name]) => name);
  if (process.getuid?.() !== 0 || !existsSync("/etc/debian_version")) {
    console.error(`Suites that need these Debian packages will be skipped: ${packages.join(", ")}`);
    return;
  }
  console.error(`Installing ${packages.join(", ")} …`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  for (const args of [["update"], ["install", "--yes", "--no-install-recommends", ...packages]]) {
    const { status } = spawnSync("apt-get", ["--quiet=2", ...args], { stdio: ["ignore", 2, 2], env });
    if (status !== 0) console.error(`apt-get ${args[0]} failed: the suites that need it will be skipped`);
  }
}

function isInstalled(program: string): boolean {
  const folders = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin"];
  return folders.some((folder) => existsSync(join(folder, program)));
}
