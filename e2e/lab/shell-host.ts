import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findSshd, freePort, makeSshKey } from "@nixops4-providers/test-servers";

interface ShellUser {
  name: string;
  /** The path of the login shell. */
  shell: string;
  /** A script for `sh` that replaces the login shell. `$shell` is the path above. */
  wrapper?: string;
  /** Whether the user is root. Several users may have the ID 0. Other users become root by sudo. */
  root: boolean;
  /** Start files, by path in the home folder. */
  files?: Record<string, string>;
}

export interface ShellHostOptions {
  users: ShellUser[];
  /** The path of the program that replaces /bin/sh. */
  sh?: string;
  /** More lines for sshd_config. */
  config?: string[];
  /** The SSH server. Default: `openssh`. */
  server?: "openssh" | "dropbear";
}

/** A host with an SSH server in a mount namespace, with its own users and Nix folders. */
export interface ShellHost {
  /** A folder for files of the tests, which the host can read. */
  folder: string;
  /** The input `connection` for a user. */
  connectionOf(user: string): { host: string; port: number; user: string } & Record<string, unknown>;
  /** Sets the key that connections expect, after the host key was replaced. */
  setHostPublicKey(key: string): void;
  /** Runs a command on the host as root, without SSH. */
  sh(command: string): string;
  log(): string;
  stop(): Promise<void>;
}

/** The arguments are the folder, the replacement for /bin/sh, and the command line of the server. */
const SETUP = `
set -e
mount --make-rprivate /
for path in /run /boot /nix /etc/sudoers.d; do mount -t tmpfs -o mode=755 none $path; done
mkdir -p /run/sshd /run/nixos /run/lock /nix/store /nix/var/nix/profiles /nix/var/nix/gcroots
for name in passwd shadow group; do mount --bind "$1/$name" "/etc/$name"; done
echo '%deployers ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/deployers
chmod 440 /etc/sudoers.d/deployers
[ -z "$2" ] || mount --bind "$2" "$(readlink -f /bin/sh)"
shift 2
exec "$@"
`;

/** Returns why such a host cannot run here; `undefined` when it can. */
export function missingForShellHost(): string | undefined {
  if (process.getuid?.() !== 0) return "it takes root";
  if (findSshd() === undefined) return "sshd was not found, install openssh-server";
  for (const program of ["nix-build", "sudo"]) {
    if (spawnSync(program, ["--version"]).status !== 0) return `${program} was not found`;
  }
  if (spawnSync("unshare", ["--mount", "true"]).status !== 0) return "mount namespaces are not allowed";
  return undefined;
}

export async function startShellHost(options: ShellHostOptions): Promise<ShellHost> {
  const folder = await mkdtemp(join(tmpdir(), "shell-host-"));
  const [hostKey, userKey] = await Promise.all([makeSshKey(folder, "host"), makeSshKey(folder, "user")]);
  const port = await freePort();
  await writeUsers(folder, options.users, userKey.publicKey);
  const command =
    options.server === "dropbear"
      ? await dropbear(folder, port, hostKey.file)
      : await openssh(folder, port, hostKey.file, options.config ?? []);
  const child = spawn(
    "unshare",
    ["--mount", "sh", "-c", SETUP, "host", folder, options.sh ?? "", ...command],
    {
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (log += text));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  let hostPublicKey = hostKey.publicKey;
  const host: ShellHost = {
    folder,
    connectionOf: (user) => ({
      host: "127.0.0.1",
      port,
      user,
      hostPublicKeys: [hostPublicKey],
      privateKey: { file: userKey.file },
    }),
    setHostPublicKey: (key) => void (hostPublicKey = key),
    sh(script) {
      const args = ["-t", String(child.pid), "-m", "sh", "-c", script];
      const { status, stdout, stderr } = spawnSync("nsenter", args, { encoding: "utf8" });
      if (status !== 0) throw new Error(`${script}: ${stderr}`);
      return stdout.trim();
    },
    log: () => log,
    async stop() {
      child.kill("SIGKILL");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
  while (!/Server listening|Not backgrounding/.test(log)) {
    if (child.exitCode !== null) throw new Error(`the host did not start: ${log}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return host;
}

async function writeUsers(folder: string, users: ShellUser[], publicKey: string): Promise<void> {
  await mkdir(join(folder, "shells"));
  const lines = users.map(({ name, shell: program, wrapper, root }, index) => {
    const id = root ? 0 : 5000 + index;
    const shell = wrapper === undefined ? program : join(folder, "shells", name);
    return { name, id, line: `${name}:x:${id}:${root ? 0 : 5000}::${join(folder, "home", name)}:${shell}` };
  });
  const passwd = ["root:x:0:0::/root:/bin/sh", "sshd:x:105:65534::/run/sshd:/usr/sbin/nologin"];
  const names = ["root", ...users.map(({ name }) => name)];
  const files = {
    passwd: [...passwd, ...lines.map(({ line }) => line), "nobody:x:65534:65534::/:/usr/sbin/nologin"],
    shadow: names.map((name) => `${name}:*:19000:0:99999:7:::`),
    group: ["root:x:0:", "deployers:x:5000:", "nogroup:x:65534:"],
  };
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(folder, name), `${content.join("\n")}\n`);
  }
  await writeFile(join(folder, "authorized_keys"), publicKey);
  spawnSync("chmod", ["755", folder]);
  for (const { name, shell, wrapper } of users) {
    if (wrapper === undefined) continue;
    const text = `#!/bin/sh\nshell=${shell}\n${wrapper}\n`;
    await writeFile(join(folder, "shells", name), text, { mode: 0o755 });
  }
  for (const { name, id } of lines) {
    const home = join(folder, "home", name);
    const { files: startFiles = {} } = users.find((user) => user.name === name)!;
    await mkdir(join(home, ".ssh"), { recursive: true, mode: 0o755 });
    await writeFile(join(home, ".ssh", "authorized_keys"), publicKey, { mode: 0o644 });
    for (const [path, content] of Object.entries(startFiles)) {
      await mkdir(join(home, path, ".."), { recursive: true });
      await writeFile(join(home, path), content);
    }
    spawnSync("chown", ["-R", `${id}:${id === 0 ? 0 : 5000}`, home]);
  }
}

async function openssh(folder: string, port: number, hostKey: string, extra: string[]): Promise<string[]> {
  const lines = [
    ...extra,
    "ListenAddress 127.0.0.1",
    `Port ${port}`,
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${join(folder, "authorized_keys")}`,
    "PermitRootLogin prohibit-password",
    "StrictModes no",
    "UsePAM no",
    "PidFile none",
    "LogLevel VERBOSE",
  ];
  await writeFile(join(folder, "config"), `${lines.join("\n")}\n`);
  return [findSshd()!, "-D", "-e", "-f", join(folder, "config")];
}

async function dropbear(folder: string, port: number, hostKey: string): Promise<string[]> {
  const converted = join(folder, "dropbear-key");
  const { status, stderr } = spawnSync("dropbearconvert", ["openssh", "dropbear", hostKey, converted]);
  if (status !== 0 || !existsSync(converted)) throw new Error(`dropbearconvert: ${String(stderr)}`);
  return ["dropbear", "-F", "-E", "-r", converted, "-p", `127.0.0.1:${port}`];
}
