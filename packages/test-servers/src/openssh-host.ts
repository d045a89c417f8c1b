import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isInstalled } from "./debian-root.ts";
import { freePort } from "./free-port.ts";
import { madeOnce } from "./made-once.ts";
import { makeSshKey } from "./ssh-key.ts";

const RECIPE = fileURLToPath(new URL("./openssh-root.sh", import.meta.url));
const PROGRAMS = ["mmdebstrap", "apt-get", "flock", "unshare", "setpriv", "ssh-keygen"];
const START_SECONDS = 20;

/**
 * Sets up the mounts and starts sshd. Its arguments are the root file system, and the folder for keys and for files
 * that the host writes.
 */
const SETUP = `
set -e
mount --make-rprivate /
mount -t tmpfs none "$2/upper"
mkdir "$2/upper/work" "$2/upper/files"
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper/files,workdir=$2/upper/work" none "$2/root"
cd "$2/root"
mount --rbind /proc proc
mount --rbind /dev dev
mkdir -p run/sshd
cp "$2/host" etc/ssh/ssh_host_ed25519_key
chmod 600 etc/ssh/ssh_host_ed25519_key
cp "$2/config" etc/ssh/sshd_config
cp "$2/user.pub" etc/ssh/authorized_keys
chroot . useradd -m -s /bin/sh deployer
echo 'deployer ALL=(ALL) NOPASSWD: ALL' >etc/sudoers.d/deployer
exec chroot . /usr/sbin/sshd -D -e
`;

/** A host with Debian 13 and OpenSSH 10, in separate namespaces. */
export interface OpensshHost {
  /** Returns the input `connection` for `root`, or for `deployer`, who can use sudo. */
  connectionOf(
    user: "root" | "deployer",
  ): { host: string; port: number; user: string } & Record<string, unknown>;
  /** Runs a command on the host as root, without SSH, and returns its output. */
  sh(command: string): string;
  /** Returns the log of sshd so far. */
  log(): string;
  stop(): Promise<void>;
}

/** Returns the reason why such a host cannot run here; `undefined` if it can. */
export function missingForOpensshHost(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "it needs root on Linux";
  const missing = PROGRAMS.filter((program) => !isInstalled(program));
  return missing.length === 0 ? undefined : `not installed: ${missing.join(", ")}`;
}

export async function startOpensshHost(): Promise<OpensshHost> {
  const image = join(await madeOnce("openssh", RECIPE), "root");
  const folder = await mkdtemp(join(tmpdir(), "openssh-host-"));
  const [hostKey, userKey] = [await makeSshKey(folder, "host"), await makeSshKey(folder, "user")];
  const port = await freePort();
  for (const name of ["root", "upper"]) await mkdir(join(folder, name));
  const lines = [
    "ListenAddress 127.0.0.1",
    `Port ${port}`,
    "HostKey /etc/ssh/ssh_host_ed25519_key",
    "AuthorizedKeysFile /etc/ssh/authorized_keys",
    "StrictModes no",
    "UsePAM yes",
    "PidFile none",
    "LogLevel VERBOSE",
  ];
  await writeFile(join(folder, "config"), `${lines.join("\n")}\n`);
  const child = spawn("unshare", ["--mount", "sh", "-c", SETUP, "host", image, folder], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (log += text));
  const ended = once(child, "exit");
  const deadline = performance.now() + START_SECONDS * 1000;
  while (!log.includes("Server listening")) {
    if (child.exitCode !== null || performance.now() > deadline)
      throw new Error(`sshd did not start: ${log}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    connectionOf: (user) => ({
      host: "127.0.0.1",
      port,
      user,
      hostPublicKeys: [hostKey.publicKey],
      privateKey: { file: userKey.file },
    }),
    sh(command) {
      const args = ["-t", String(child.pid), "-m", "-r", "sh", "-c", command];
      const { status, stdout, stderr } = spawnSync("nsenter", args, { encoding: "utf8" });
      if (status !== 0) throw new Error(`${command}: ${stderr}`);
      return stdout.trim();
    },
    log: () => log,
    async stop() {
      child.kill("SIGKILL");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
