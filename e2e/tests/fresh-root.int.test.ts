import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "@jest/globals";
import { temporaryFolders } from "./temporary-folder.ts";

const SCRIPT = join(import.meta.dirname, "../../scripts/fresh-root.sh");
const temporaryFolder = temporaryFolders();

const reason = await new Promise<string>((resolve) => {
  execFile(SCRIPT, ["--check"], (error, stdout) =>
    resolve(error === null ? "" : ` (skipped: ${stdout.trim()})`),
  );
});
const suite = reason === "" ? describe : describe.skip;

/** Starts the script. `folder`, in which it makes its roots, is empty after its cleanup. */
function start(script: string) {
  const folder = temporaryFolder();
  const env = { ...process.env, TMPDIR: folder, A_SECRET: "x", npm_config_fetch_retries: "7" };
  const child = spawn(SCRIPT, ["sh", "-c", script], { env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  }
  return { child, folder, closed: once(child, "close"), output: () => output };
}

const processesIn = (folder: string) =>
  readdirSync("/proc").filter((id) => {
    if (!/^\d+$/.test(id)) return false;
    try {
      return readFileSync(`/proc/${id}/cmdline`, "utf8").includes(folder);
    } catch {
      return false;
    }
  });

suite(`a fresh root${reason}`, () => {
  it("has Node, npm and a clone, enables no service, and leaves nothing behind", async () => {
    const { folder, closed, output } = start(`
      echo "commit $(cat .git/HEAD); $(node --version); $(npm config get fetch-retries); secret <$A_SECRET>"
      for program in git sshd nix; do command -v $program || echo "no $program"; done
      ls -d /nix /root/.gitconfig
      sh scripts/lib/apt-install.sh --size openssh-server nginx-light
      sh scripts/lib/apt-install.sh openssh-server nginx-light && /usr/sbin/sshd -t -h /dev/null; echo "sshd: $?"
      find /etc/systemd/system /etc/rc?.d \\( -name '*ssh*' -o -name '*nginx*' \\) ! -name 'K*'
      ls /usr/sbin/policy-rc.d; cat /proc/[0-9]*/comm | grep -E 'sshd|nginx'
      exit 3`);
    expect((await closed)[0]).toBe(3);
    const commit = execFileSync("git", ["-C", join(SCRIPT, "../.."), "rev-parse", "HEAD"], {
      encoding: "utf8",
    });
    expect(output()).toContain(`${process.version}; 7; secret <>`);
    expect(output()).toMatch(/commit (ref: refs\/heads|[0-9a-f]{40})/);
    expect(commit).toMatch(/^[0-9a-f]{40}$/m);
    for (const program of ["git", "sshd", "nix"]) expect(output()).toContain(`no ${program}\n`);
    expect(output()).toContain("'/nix': No such file");
    expect(output()).toContain("sshd: 1\n");
    expect(output().split("sshd: 1\n")[1]).toBe(
      "ls: cannot access '/usr/sbin/policy-rc.d': No such file or directory\n",
    );
    expect(readdirSync(folder)).toEqual([]);
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(folder);
  }, 900_000);

  it.each(["SIGTERM", "SIGKILL"] as const)(
    "is gone when %s ends the script",
    async (signal) => {
      const { child, folder, output } = start("echo inside; sleep 1000");
      while (!output().includes("inside")) await sleep(50);
      expect(processesIn(folder)).not.toEqual([]);
      child.kill(signal);
      while (readdirSync(folder).length > 0 || processesIn(folder).length > 0) await sleep(50);
    },
    600_000,
  );
});
