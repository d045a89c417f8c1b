import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

/** Programs and files that tests run or read, each with the Debian package that contains it. */
type Programs = Record<string, string>;

/** The programs and files that `npm run demo -- --machine` needs. */
export const MACHINE_DEMO: Programs = {
  ssh: "openssh-client",
  busybox: "busybox-static",
  "qemu-system-x86_64": "qemu-system-x86",
  "qemu-img": "qemu-utils",
  mmdebstrap: "mmdebstrap",
  mount: "mount",
  "mkfs.ext4": "e2fsprogs",
  nix: "nix-bin",
  ip: "iproute2",
  tc: "iproute2",
  dnsmasq: "dnsmasq-base",
  named: "bind9",
  "/usr/lib/ipxe/undionly.kpxe": "ipxe",
  "/usr/lib/ipxe/qemu/efi-virtio.rom": "ipxe-qemu",
  "/usr/share/OVMF/OVMF_CODE_4M.fd": "ovmf",
};

/** The programs and files that the tests need. */
export const TESTS: Programs = {
  ...MACHINE_DEMO,
  sshd: "openssh-server",
  age: "age",
  git: "git",
  jq: "jq",
  perl: "perl-base",
  shellcheck: "shellcheck",
  sudo: "sudo",
  zsh: "zsh",
  ksh: "ksh",
  mksh: "mksh",
  fish: "fish",
  tcsh: "tcsh",
  rc: "rc",
  elvish: "elvish",
  dropbear: "dropbear-bin",
  bindfs: "bindfs",
  "mkfs.exfat": "exfatprogs",
  "mount.exfat-fuse": "exfat-fuse",
  strace: "strace",
  setfacl: "acl",
  setfattr: "attr",
  tftp: "tftp-hpa",
  atftp: "atftp",
  curl: "curl",
  faketime: "faketime",
  sfdisk: "fdisk",
  cpio: "cpio",
  openssl: "openssl",
  nginx: "nginx-light",
  nsupdate: "bind9-dnsutils",
  pdns_server: "pdns-server",
  "/usr/lib/x86_64-linux-gnu/pdns/libgsqlite3backend.so": "pdns-backend-sqlite3",
  sqlite3: "sqlite3",
  knotd: "knot",
  kdig: "knot-dnsutils",
  unbound: "unbound",
  chromium: "chromium",
  "systemd-analyze": "systemd",
  "/usr/lib/PXELINUX/pxelinux.0": "pxelinux",
  "/usr/lib/syslinux/modules/bios/ldlinux.c32": "syslinux-common",
};

const APT_INSTALL = join(import.meta.dirname, "apt-install.sh");
const WIDTH = 80;

/**
 * Installs the missing packages without enabling their services, when this is Debian and the user is root. Returns the
 * packages that are still missing.
 */
export function installDebianPackages(programs: Programs): string[] {
  const missing = missingPackages(programs);
  if (missing.length === 0 || process.getuid?.() !== 0 || !existsSync("/etc/debian_version")) return missing;
  console.error(wrap(`Installing Debian packages: ${missing.join(", ")}.`));
  console.error(sizeOf(missing));
  spawnSync("sh", [APT_INSTALL, ...missing], { stdio: ["ignore", 2, 2] });
  return missingPackages(programs);
}

function missingPackages(programs: Programs): string[] {
  const missing = Object.entries(programs).filter(([program]) => !isInstalled(program));
  return [...new Set(missing.map(([, name]) => name))];
}

/** Returns how many packages apt would install, and their size. */
function sizeOf(packages: string[]): string {
  const { stdout } = spawnSync("sh", [APT_INSTALL, "--size", ...packages], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", 2],
  });
  const count = /(\d+) newly installed/.exec(stdout)?.[1];
  const download = /Need to get (?:\S+ \S+?\/)?(\S+ \S+) of archives/.exec(stdout)?.[1];
  const disk = /After this operation, (\S+ \S+) of additional/.exec(stdout)?.[1];
  if (count === undefined) return wrap(`apt-get cannot install them:\n${stdout}`);
  return `${count} packages in all: ${download} to download, ${disk} on the disk. Takes a few minutes.`;
}

/** Breaks a text into lines at spaces. */
function wrap(text: string): string {
  return text.replaceAll(new RegExp(`(.{1,${WIDTH}})(?: |$)`, "gm"), "$1\n").trimEnd();
}

function isInstalled(program: string): boolean {
  if (program.startsWith("/")) return existsSync(program);
  const folders = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin"];
  return folders.some((folder) => existsSync(join(folder, program)));
}
