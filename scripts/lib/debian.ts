import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

/** The programs and files that tests use for real, and the Debian packages that have them. */
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
  faketime: "faketime",
  "qemu-system-x86_64": "qemu-system-x86",
  "qemu-img": "qemu-utils",
  mmdebstrap: "mmdebstrap",
  "mkfs.ext4": "e2fsprogs",
  sfdisk: "fdisk",
  nix: "nix-bin",
  cpio: "cpio",
  openssl: "openssl",
  ip: "iproute2",
  tc: "iproute2",
  dnsmasq: "dnsmasq-base",
  nginx: "nginx-light",
  chromium: "chromium",
  "systemd-analyze": "systemd",
  "/usr/lib/ipxe/undionly.kpxe": "ipxe",
  "/usr/lib/ipxe/qemu/efi-virtio.rom": "ipxe-qemu",
  "/usr/share/OVMF/OVMF_CODE_4M.fd": "ovmf",
  "/usr/lib/PXELINUX/pxelinux.0": "pxelinux",
  "/usr/lib/syslinux/modules/bios/ldlinux.c32": "syslinux-common",
};

/** Installs what is missing when this is Debian and we are root; the suites that need it are skipped otherwise. */
export function installDebianPackages(): void {
  const missing = Object.entries(PROGRAMS).filter(([program]) => !isInstalled(program));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map(([, name]) => name))];
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
  if (program.startsWith("/")) return existsSync(program);
  const folders = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin"];
  return folders.some((folder) => existsSync(join(folder, program)));
}
