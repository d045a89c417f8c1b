import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "@jest/globals";
import { root } from "./nix-sources.ts";
import { temporaryFolders } from "./temporary-folder.ts";

const available = ["bash", "jq", "flock"].every((tool) => spawnSync(tool, ["--version"]).status === 0);
const suite = available ? describe : describe.skip;
const temporaryFolder = temporaryFolders();

/** The command, with a program in the place of nixops4. */
function command(nixops4: string) {
  const folder = temporaryFolder();
  const bin = join(folder, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "nixops4"), `#!/bin/sh\n${nixops4}\n`);
  chmodSync(join(bin, "nixops4"), 0o755);
  const env = {
    ...process.env,
    PATH: `${bin}${delimiter}${process.env["PATH"] ?? ""}`,
    NIXOPS4_NETWORK: folder,
    NIXOPS4_APPLY_STATE: join(folder, "state"),
  };
  const script = join(root, "nix/nixos/landscaper/apply.sh");
  return {
    folder,
    run: (...args: string[]) => spawnSync("bash", [script, ...args], { encoding: "utf8", env }),
    start: (...args: string[]) => spawn("bash", [script, ...args], { env, stdio: "ignore", detached: true }),
    status() {
      return JSON.parse(this.run("--status").stdout) as Record<string, unknown>;
    },
    async until(state: string) {
      for (let tries = 0; this.status()["state"] !== state; tries++) {
        if (tries > 400) throw new Error(`never ${state}: ${JSON.stringify(this.status())}`);
        await sleep(50);
      }
    },
  };
}

suite(`nixops4-apply${available ? "" : " (skipped without bash, jq, flock)"}`, () => {
  it("applies in the folder of the network, and says how it went", () => {
    const apply = command('echo "$PWD $*"; exit "${CODE-0}"');
    expect(apply.status()).toEqual({ state: "never run" });
    expect(apply.run("hosts.web")).toMatchObject({ status: 0, stdout: `${apply.folder} apply hosts.web\n` });
    expect(apply.status()).toMatchObject({ state: "succeeded", exitCode: 0 });

    const failing = command("exit 7");
    expect(failing.run().status).toBe(7);
    expect(failing.status()).toMatchObject({ state: "failed", exitCode: 7 });
  });

  it("runs once at a time: another run is refused, or waits", async () => {
    const apply = command("while ! test -e go; do sleep 0.05; done; echo done >> log");
    const first = apply.start();
    await apply.until("running");
    expect(apply.run()).toMatchObject({ status: 75, stderr: expect.stringContaining("under way") });
    const waiting = apply.start("--wait");
    writeFileSync(join(apply.folder, "go"), "");
    await Promise.all([once(first, "exit"), once(waiting, "exit")]);
    expect(spawnSync("cat", [join(apply.folder, "log")], { encoding: "utf8" }).stdout).toBe("done\ndone\n");
    expect(apply.status()).toMatchObject({ state: "succeeded" });
  });

  it("says that a run was interrupted, and lets the next one begin", async () => {
    const apply = command("test -e go || sleep 60");
    const killed = apply.start();
    await apply.until("running");
    process.kill(-killed.pid!, "SIGKILL");
    await once(killed, "exit");
    expect(apply.status()).toMatchObject({ state: "interrupted" });
    writeFileSync(join(apply.folder, "go"), "");
    expect(apply.run().status).toBe(0);
  });
});
