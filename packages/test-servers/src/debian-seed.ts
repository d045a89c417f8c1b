import { execFile } from "node:child_process";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { SshKey } from "./ssh-key.ts";

/** An ordinary user; logs in with the same keys as root. */
export interface DebianUser {
  name: string;
  /** Whether sudo lets the user become root, and if so, whether it asks for `password`. Default: it does not. */
  sudo?: "without-password" | "with-password";
  password?: string;
}

export interface DebianSeed {
  hostKeys: SshKey[];
  authorizedKeys: string[];
  users: DebianUser[];
}

/**
 * Writes the disk that a guest reads at its first boot: a tar archive with an install script. So the host keys are
 * known before the guest boots, and keys that a test changes survive reboots.
 */
export async function writeSeedDisk(folder: string, seed: DebianSeed): Promise<string> {
  const files = join(folder, "seed");
  await mkdir(files, { mode: 0o700 });
  await Promise.all([
    ...seed.hostKeys.flatMap((key) => [
      copyFile(key.file, join(files, hostKeyName(key))),
      writeFile(join(files, `${hostKeyName(key)}.pub`), `${key.publicKey}\n`),
    ]),
    writeFile(join(files, "authorized_keys"), seed.authorizedKeys.map((key) => `${key.trim()}\n`).join("")),
    writeFile(join(files, "install.sh"), installScript(seed.users)),
  ]);
  const disk = join(folder, "seed.tar");
  await promisify(execFile)("tar", ["--create", `--file=${disk}`, `--directory=${folder}`, "seed"]);
  return disk;
}

function installScript(users: DebianUser[]): string {
  return [
    "cd /run/seed",
    "install -m 600 ssh_host_*_key /etc/ssh/",
    "install -m 644 ssh_host_*_key.pub /etc/ssh/",
    ...authorize("root", "/root"),
    ...users.flatMap(({ name, sudo, password }) => [
      `useradd --create-home --shell /bin/bash --groups nix-users${sudo === undefined ? "" : ",sudo"} ${name}`,
      ...authorize(name, `/home/${name}`),
      ...(password === undefined ? [] : [`chpasswd <<'END'\n${name}:${password}\nEND`]),
      ...(sudo === "without-password"
        ? [`echo '${name} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/${name}`]
        : []),
    ]),
    "rm -r /run/seed",
    "",
  ].join("\n");
}

function authorize(user: string, home: string): string[] {
  return [
    `install -d -o ${user} -m 700 ${home}/.ssh`,
    `install -o ${user} -m 600 authorized_keys ${home}/.ssh/authorized_keys`,
  ];
}

function hostKeyName({ publicKey }: SshKey): string {
  const type = ["ed25519", "ecdsa", "rsa"].find(
    (name) => publicKey.startsWith(`ssh-${name}`) || publicKey.startsWith(`${name}-`),
  );
  if (type === undefined) throw new Error(`not a host key that sshd uses by default: ${publicKey}`);
  return `ssh_host_${type}_key`;
}
