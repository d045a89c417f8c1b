import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "@jest/globals";
import { root } from "./nix-sources.ts";
import { temporaryFolders } from "./temporary-folder.ts";

const available = ["bash", "jq", "flock"].every((tool) => spawnSync(tool, ["--version"]).status === 0);
const suite = available ? describe : describe.skip;
const temporaryFolder = temporaryFolders();

/**
 * A stand-in for nixops4. Refuses unknown arguments, and paths that are not composites. `$APPLY` is the command that
 * `apply` runs with the paths.
 */
const NIXOPS4 = `#!/usr/bin/env bash
[[ $1 == --no-interactive ]] || { echo "it waits for keys of a terminal" >&2; exit 2; }
shift
case "$1 $2" in
  "members list")
    case "\${3-}" in
      "") [[ -z "$MEMBERS" ]] || printf '%s\\n' $MEMBERS $COMPOSITES | sort ;;
      *) [[ " $COMPOSITES " == *" $3 "* ]] || { echo "error: '$3' is a resource" >&2; exit 1; } ;;
    esac ;;
  apply*)
    shift
    for path; do
      [[ $path == -* || " $COMPOSITES " == *" $path "* ]] || { echo "error: Expected composite at $path" >&2; exit 1; }
    done
    eval "$APPLY" ;;
  *) echo "error: unrecognized subcommand '$1'" >&2; exit 2 ;;
esac
`;

/** Makes a folder with the command and a nixops4 that runs `apply`. */
function command(apply: string, { members = "", composites = "host1 host2" } = {}) {
  const folder = temporaryFolder();
  const bin = join(folder, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "nixops4"), NIXOPS4);
  chmodSync(join(bin, "nixops4"), 0o755);
  const script = join(root, "nix/nixos/landscaper/apply.sh");
  const env = {
    ...process.env,
    PATH: `${bin}${delimiter}${process.env["PATH"] ?? ""}`,
    NIXOPS4_NETWORK: folder,
    APPLY: apply,
    MEMBERS: members,
    COMPOSITES: composites,
    NIXOPS4_APPLY_STATE: join(folder, "state"),
  };
  return {
    folder,
    env,
    script,
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
  it("applies in the folder of the network, and records the result", () => {
    const apply = command('echo "$PWD $*"; exit "${CODE-0}"');
    expect(apply.status()).toEqual({ state: "never run" });
    expect(apply.run("host1")).toMatchObject({ status: 0, stderr: `${apply.folder} host1\n` });
    expect(apply.status()).toMatchObject({ state: "succeeded", exitCode: 0 });
    expect(apply.run("--show-trace", "host1").stderr).toBe(`${apply.folder} --show-trace host1\n`);

    const failing = command("exit 7");
    expect(failing.run().status).toBe(7);
    expect(failing.status()).toMatchObject({ state: "failed", exitCode: 7 });
    const help = failing.run("--help");
    expect(help).toMatchObject({ status: 0, stdout: expect.stringContaining("usage: nixops4-apply") });
    expect(failing.run("host1", "-h")).toMatchObject({ status: 0, stdout: help.stdout });
    expect(failing.status()).toMatchObject({ state: "failed", exitCode: 7 });
  });

  it("names every host, so that a failure of one does not stop the others", () => {
    const members = "deploy_key landscaper_cache_key state";
    const apply = command('echo "applied: $*"', { members });
    expect(apply.run()).toMatchObject({ status: 0, stderr: "applied: host1 host2\n" });
    expect(apply.run("--show-trace").stderr).toBe("applied: --show-trace host1 host2\n");
    // A resource in the root is not a path; an apply without paths includes it.
    const more = command('echo "applied: $*"', { members: `${members} dns` });
    expect(more.run().stderr).toBe("applied: host1 host2\napplied: \n");
    const failing = command('echo "applied: $*"; exit 1', { members: `${members} dns` });
    expect(failing.run()).toMatchObject({ status: 1, stderr: "applied: host1 host2\n" });
    // Which members there are may depend on members that are not applied yet.
    expect(command('echo "applied: $*"', { members: "" }).run().stderr).toBe("applied: \n");
    expect(command('echo "applied: $*"', { members, composites: "" }).run().stderr).toBe("applied: \n");
  });

  it("does not print inputs and outputs", () => {
    const apply = command(`printf '%s\n' 'local.exec: a line' '  - resource key' \
      '    - input comment: "x"' '    - output privateKey: "SECRET"' \
      '    - output json: {' '              "password": "SECRET"' '            }' '"SECRET"' 'nixos.system: the end'`);
    expect(apply.run("host1").stderr).toBe("local.exec: a line\n  - resource key\nnixos.system: the end\n");
  });

  it("fails with an error when there is no network", () => {
    const apply = command("true");
    const elsewhere = { ...apply.env, NIXOPS4_NETWORK: join(apply.folder, "missing") };
    expect(spawnSync("bash", [apply.script], { encoding: "utf8", env: elsewhere })).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("missing: No such file or directory"),
    });
    expect(apply.status()).toMatchObject({ state: "failed", exitCode: 1 });
  });

  const isRoot = process.getuid?.() === 0;
  (isRoot ? it : it.skip)("lets all users read the result (skipped without root)", () => {
    const apply = command("true");
    apply.run("host1");
    // Other users cannot read the folder of the tests.
    const state = mkdtempSync("/var/tmp/nixops4-apply-");
    try {
      const env = { ...apply.env, NIXOPS4_APPLY_STATE: join(state, "state") };
      expect(spawnSync("bash", [apply.script, "host1"], { env }).status).toBe(0);
      chmodSync(state, 0o755);
      const script = join(state, "apply.sh");
      copyFileSync(apply.script, script);
      const asNobody = () =>
        spawnSync("bash", [script, "--status"], { encoding: "utf8", env, uid: 65534, gid: 65534, cwd: "/" });
      expect(asNobody()).toMatchObject({ status: 0, stdout: expect.stringContaining('"state":"succeeded"') });
      chmodSync(join(state, "state"), 0o700);
      expect(asNobody()).toMatchObject({ status: 77, stderr: expect.stringContaining("permission denied") });
    } finally {
      rmSync(state, { recursive: true });
    }
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

  it("records that a run was interrupted, and allows the next one", async () => {
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
