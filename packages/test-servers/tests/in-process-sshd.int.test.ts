import { execFile } from "node:child_process";
import { chmodSync, existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { findSshd } from "../src/sshd.ts";
import {
  freePort,
  makeSshKey,
  startInProcessSshd,
  startSshd,
  type SshKey,
  type SshServer,
} from "../src/index.ts";

interface Login {
  key?: "user" | "stranger";
  user?: string;
  port?: number;
  options?: string[];
}

/** Both servers must pass the same tests. */
const SERVERS = { "OpenSSH's": startSshd, "the one in the process": startInProcessSshd };
const suite = findSshd() === undefined ? describe.skip : describe;

describe.each(Object.entries(SERVERS))("the SSH server: %s", (name, start) => {
  suite("with OpenSSH's client (skipped without openssh-server)", () => {
    let folder: string;
    let server: SshServer;
    let keys: Record<"host" | "user" | "stranger", SshKey>;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "in-process-sshd-"));
      const [host, user, stranger] = await Promise.all(
        ["host", "user", "stranger"].map((key) => makeSshKey(folder, key)),
      );
      keys = { host: host!, user: user!, stranger: stranger! };
      server = await start({
        folder,
        port: await freePort(),
        hostKeyFiles: [keys.host.file],
        authorizedKeys: [keys.user.publicKey],
      });
    });

    afterAll(async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    });

    /** Runs ssh. `options` take precedence, since ssh uses the first of several values. */
    function ssh(
      command: string,
      { key = "user", user = server.user, port = server.port, options = [] }: Login = {},
    ): Promise<{ code: number; stdout: string; stderr: string }> {
      const settings = [
        ...options,
        "BatchMode=yes",
        "IdentitiesOnly=yes",
        "StrictHostKeyChecking=yes",
        `KnownHostsCommand=/bin/echo [127.0.0.1]:${port} ${keys.host.publicKey}`,
        "UserKnownHostsFile=/dev/null",
      ].flatMap((option) => ["-o", option]);
      const target = ["-F", "none", "-i", keys[key].file, "-p", String(port), `${user}@127.0.0.1`];
      return new Promise((resolve) => {
        const child = execFile("ssh", [...settings, ...target, command], (error, stdout, stderr) =>
          resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
        );
        child.stdin!.end("what it reads");
      });
    }

    it("runs a command with its input, its two outputs and its exit code", async () => {
      const result = await ssh("cat; echo no >&2; exit 7");
      expect(result).toMatchObject({ code: 7, stdout: "what it reads" });
      expect(result.stderr).toContain("no\n");
    });

    it("makes a command the leader of a process group", async () => {
      const { stdout } = await ssh("echo $$; cut -d ' ' -f 5 /proc/$$/stat");
      const [pid, group] = stdout.trim().split(/\s+/);
      expect(group).toBe(pid);
    });

    it("says so when a command was killed", async () => {
      expect((await ssh("kill -KILL $$")).code).toBe(255);
    });

    it.each([
      ["another key", { key: "stranger" as const }],
      ["another user", { user: "nobody-of-that-name" }],
      ["a password", { options: ["PreferredAuthentications=password,keyboard-interactive"] }],
    ])("refuses %s", async (_, login) => {
      const result = await ssh("true", login);
      expect(result).toMatchObject({ code: 255, stdout: "" });
      expect(result.stderr).toContain("Permission denied (publickey)");
    });

    it("is refused by a client that expects another host key", async () => {
      const known = `KnownHostsCommand=/bin/echo [127.0.0.1]:${server.port} ${keys.stranger.publicKey}`;
      const result = await ssh("true", { options: [known] });
      expect(result.stderr).toContain("Host key verification failed");
    });

    it("takes no host key that others can read", async () => {
      const open = await makeSshKey(folder, `open-${name.length}`);
      chmodSync(open.file, 0o644);
      const options = { folder, name: "open", port: await freePort(), authorizedKeys: [] };
      await expect(start({ ...options, hostKeyFiles: [open.file] })).rejects.toThrow(/open-/);
    });

    it("ends the commands that run when it is stopped", async () => {
      const other = await start({
        folder,
        name: "other",
        port: await freePort(),
        hostKeyFiles: [keys.host.file],
        authorizedKeys: [keys.user.publicKey],
      });
      const started = join(folder, `started-${name.length}`);
      const running = ssh(`echo > ${started}; exec sleep 600`, { port: other.port });
      while (!existsSync(started)) await new Promise((resolve) => setTimeout(resolve, 20));
      await other.stop();
      expect((await running).code).toBe(255);
    });
  });
});
