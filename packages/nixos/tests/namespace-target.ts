import { execFile, spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { findSshd, freePort, makeSshKey } from "@nixops4-providers/test-servers";
import type { Target } from "./target.ts";

const run = promisify(execFile);

/** Starts sshd with its own /nix, /run and /boot, and with a copy of the authorized keys that tests can remove. */
const SETUP = `
mount --make-rprivate /
mount -t tmpfs -o mode=755 none /run
mount -t tmpfs -o mode=755 none /boot
mount -t tmpfs -o mode=755,size=$3 none /nix
mkdir -p /run/sshd /run/nixos /nix/store /nix/var/nix/profiles /nix/var/nix/gcroots
cp "$1" /run/authorized_keys
if [ -n "$5" ]; then
  mkdir /run/busybox
  "$5" --install -s /run/busybox
  for path in $6; do ln -sfn "$(command -v "$path")" "/run/busybox/$path"; done
  mount --bind "$5" "$(readlink -f /bin/sh)"
fi
if [ -n "$7" ]; then
  mkdir -p "$7"
  cp "$(readlink -f "$(command -v nix)")" "$7/nix"
  for program in $6; do [ -e "$7/$program" ] || ln -s nix "$7/$program"; done
  mount --bind /dev/null "$(readlink -f "$(command -v nix)")"
fi
exec "$4" -D -e -f "$2"
`;

const NIX = "nix nix-env nix-store nix-daemon";

/** Returns why such a target cannot run here; `undefined` when it can. */
export function missingForNamespaces(): string | undefined {
  if (process.getuid?.() !== 0) return "it takes root";
  if (findSshd() === undefined) return "sshd was not found, install openssh-server";
  if (spawnSync("nix-build", ["--version"]).status !== 0) return "nix-build was not found, install nix-bin";
  if (spawnSync("unshare", ["--mount", "true"]).status !== 0) return "mount namespaces are not allowed";
  return undefined;
}

/** Starts a host without systemd: an OpenSSH server in a mount namespace with its own Nix store. Needs root. */
export async function startNamespaceTarget({
  storeSize = "100m",
  busybox = "",
  ownNetwork = false,
  nixIn = "",
}: {
  /** The size of the Nix store, in the format of mount(8). */
  storeSize?: string;
  /** The path of a static busybox, which then provides the shell and all programs on the PATH, except Nix. */
  busybox?: string;
  /** Whether the host has its own, empty network namespace. */
  ownNetwork?: boolean;
  /** The folder for the host's Nix, which replaces that of the machine. The home folder is /run. */
  nixIn?: string;
} = {}): Promise<Target> {
  const folder = await mkdtemp(join(tmpdir(), "namespace-target-"));
  const [hostKey, userKey] = await Promise.all([makeSshKey(folder, "host"), makeSshKey(folder, "user")]);
  const port = await freePort();
  await writeFile(
    join(folder, "config"),
    sshdConfig(ownNetwork ? "0.0.0.0" : "127.0.0.1", port, hostKey.file, busybox !== ""),
  );
  const args = [`${userKey.file}.pub`, join(folder, "config"), storeSize, findSshd()!, busybox, NIX, nixIn];
  const namespaces = ["--mount", ...(ownNetwork ? ["--net"] : [])];
  const child = spawn("unshare", [...namespaces, "sh", "-c", SETUP, "target", ...args], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (log += text));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const target: Target = {
    connection: {
      host: "127.0.0.1",
      port,
      hostPublicKeys: [hostKey.publicKey],
      privateKey: { file: userKey.file },
    },
    ...(ownNetwork ? { network: ["--net", "-t", String(child.pid)] } : {}),
    async sh(command) {
      const { stdout } = await run("nsenter", ["-t", String(child.pid), "-m", "sh", "-c", command]);
      return stdout.trim();
    },
    logins: async () => log.split("\n").filter((line) => line.startsWith("Accepted publickey")).length,
    async dropSessions() {
      for (const pid of childrenOf(child.pid!)) kill(pid);
    },
    async stop() {
      const sessions = childrenOf(child.pid!);
      child.kill("SIGKILL");
      await ended;
      for (const pid of sessions) kill(pid);
      await rm(folder, { recursive: true, force: true });
    },
  };
  while (!log.includes("Server listening")) {
    if (child.exitCode !== null) throw new Error(`the target did not start: ${log}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return target;
}

function sshdConfig(address: string, port: number, hostKeyFile: string, busybox: boolean): string {
  return `ListenAddress ${address}
Port ${port}
HostKey ${hostKeyFile}
AuthorizedKeysFile /run/authorized_keys
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
PidFile none
LogLevel VERBOSE
SetEnv HOME=/run${busybox ? " PATH=/run/busybox" : ""}
`;
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // The process has exited already.
  }
}
