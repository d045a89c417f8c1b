import { afterAll, beforeAll, beforeEach, expect, it } from "@jest/globals";
import { builtProvider } from "@nixops4-providers/e2e";
import { timeSince } from "@nixops4-providers/test-servers";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { deploy, failToDeploy, startDeploying } from "./deployer.ts";
import { startNamespaceTarget } from "./namespace-target.ts";
import { describeWithNamespaces } from "./requirements.ts";
import { callsOf, eventually, type HostState, PROFILE, reset, stateOf, type Target } from "./target.ts";
import { buildSystem, type TestSystem } from "./test-systems.ts";

const SYSTEMS = {
  base: { onTest: "cp /run/all-keys /run/authorized_keys 2>/dev/null" },
  next: { onTest: "cp /run/nixops4/holder /run/nixos/deployer" },
  slow: { onTest: "sleep 3" },
  long: { onTest: "until [ -e /run/let-go ]; do sleep 0.1; done" },
  hang: { onTest: "sleep 1000" },
  stubborn: { onTest: "trap '' TERM; while :; do sleep 1; done" },
  badScript: { onTest: "exit 2" },
  badCheck: { onTest: "exit 1" },
  wantsReboot: { afterTest: "exit 100" },
  notCurrent: { onTest: "exit 0" },
  badBoot: { onBoot: "exit 1" },
  lockedOut: { onTest: "cp /run/authorized_keys /run/all-keys; : >/run/authorized_keys" },
  otherKernel: { kernel: "2" },
  tellsVariables: { onTest: 'echo "NIXOS_NO_CHECK is <$NIXOS_NO_CHECK>"' },
  withDbus: { inhibitors: { "dbus-implementation": "dbus", old: "1" } },
  withBroker: { inhibitors: { "dbus-implementation": "broker", new: "1" } },
} satisfies Record<string, Omit<TestSystem, "name">>;

const busybox = ["/bin/busybox", "/usr/bin/busybox"].find((path) => existsSync(path));

describeWithNamespaces("nixos.system on a host that has busybox for a shell", () => {
  (busybox === undefined ? it.skip : it)("activates and rolls back (skipped without busybox)", async () => {
    const target = await startNamespaceTarget({ busybox: busybox! });
    try {
      const good = await buildSystem({ name: "busybox-good" });
      const bad = await buildSystem({ name: "busybox-bad", onTest: "sleep 1000" });
      expect(await deploy(target, good)).toMatchObject({ generation: 1 });
      const error = await failToDeploy(target, bad, { activationTimeoutSeconds: 1 });
      expect(error).toContain(`rolled back to ${good}, generation 1`);
      expect(await deploy(target, good)).toMatchObject({ generation: 1, previousToplevel: null });
    } finally {
      await target.stop();
    }
  });
});

describeWithNamespaces("nixos.system on a host without systemd", () => {
  const systems = {} as Record<keyof typeof SYSTEMS, string>;
  let target: Target;
  let base: HostState;

  beforeAll(async () => {
    const names = Object.keys(SYSTEMS) as (keyof typeof SYSTEMS)[];
    await Promise.all(
      names.map(async (name) => (systems[name] = await buildSystem({ name, ...SYSTEMS[name] }))),
    );
    target = await startNamespaceTarget();
    await deploy(target, systems.base);
  }, 600_000);

  afterAll(() => target.stop());

  beforeEach(async () => {
    await target.sh(
      "[ ! -e /run/all-keys ] || mv /run/all-keys /run/authorized_keys; rm -f /run/booted-system",
    );
    await reset(target, systems.base);
    base = await stateOf(target);
    expect(base).toMatchObject({ currentSystem: systems.base, profile: systems.base });
  });

  const generationOf = (state: HostState) => Number(/system-(\d+)-link/.exec(state.generation)?.[1]);

  it("copies, activates and commits a system, with two logins", async () => {
    const logins = await target.logins();
    const outputs = await deploy(target, systems.next);
    const state = await stateOf(target);
    expect(await target.logins()).toBe(logins + 2);
    expect(state).toMatchObject({
      currentSystem: systems.next,
      profile: systems.next,
      bootDefault: systems.next,
    });
    expect(outputs).toEqual({
      generation: generationOf(state),
      previousToplevel: systems.base,
      bootId: await target.sh("cat /proc/sys/kernel/random/boot_id"),
      rebootNeeded: false,
    });
    expect(generationOf(state)).toBe(generationOf(base) + 1);
    expect(await callsOf(target)).toEqual(["test next", "boot next"]);
    expect(await target.sh("ls /nix/var/nix/gcroots")).not.toContain("nixops4");
  });

  it("does not change a host that already runs the system, with one login", async () => {
    const logins = await target.logins();
    const outputs = await deploy(target, systems.base);
    expect(await target.logins()).toBe(logins + 1);
    expect(outputs).toMatchObject({ generation: generationOf(base), previousToplevel: null });
    expect(await callsOf(target)).toEqual([]);
    expect(await stateOf(target)).toEqual(base);
  });

  it("follows an activation to its end when the connection is lost", async () => {
    const run = startDeploying(target, systems.slow);
    await activating("slow");
    await target.dropSessions();
    expect(await run.outputs).toMatchObject({ previousToplevel: systems.base });
    expect(await callsOf(target)).toEqual(["test slow", "boot slow"]);
    // The connection may be lost during a command, or when one is started.
    expect(run.log()).toMatch(/was lost|cannot start a command/);
    expect(run.log().match(/activating slow/g)).toHaveLength(1);
  });

  it("rolls back when nobody can log in any more", async () => {
    const error = await failToDeploy(target, systems.lockedOut, confirmWithin(4));
    expect(error).toContain("was not confirmed within 4 s");
    expect(error).toContain("refused the login of root");
    expectRolledBack(error);
    expect(await stateOf(target)).toEqual(base);
    expect(await callsOf(target)).toEqual(["test lockedOut", "test base"]);
  });

  it("rolls back on its own when the deployer is killed, and the next run converges", async () => {
    const run = startDeploying(target, systems.slow, confirmWithin(2));
    await activating("slow");
    await run.kill();
    await eventually("the host is back", 15, async () => (await callsOf(target)).includes("test base"));
    await eventually("the operation is over", 5, isIdle);
    expect(await stateOf(target)).toEqual(base);
    await deploy(target, systems.slow);
    expect(await stateOf(target)).toMatchObject({ currentSystem: systems.slow, profile: systems.slow });
  });

  it("joins the activation of a killed deployer", async () => {
    const first = startDeploying(target, systems.slow);
    await activating("slow");
    await first.kill();
    const second = startDeploying(target, systems.slow);
    expect(await second.outputs).toMatchObject({ previousToplevel: systems.base });
    expect(second.log()).toContain("following an activation of this system");
    expect(await callsOf(target)).toEqual(["test slow", "boot slow"]);
  });

  it.each(["hang", "stubborn"] as const)("ends an activation that does not end (%s)", async (name) => {
    const error = await failToDeploy(target, systems[name], { activationTimeoutSeconds: 2 });
    expect(error).toContain("did not finish within 2 s and was ended");
    expectRolledBack(error);
    expect(await stateOf(target)).toEqual(base);
    const left = await target.sh(`pgrep -f '${systems[name]}/bin/switch-to-configuration tes[t]' || true`);
    expect(left).toBe("");
  });

  it.each([
    ["badScript", "failed with exit code 2 (the activation script failed)"],
    ["badCheck", "failed with exit code 1 (a check before the activation failed)"],
    ["notCurrent", "succeeded, but the host runs "],
  ] as const)("goes back when switch-to-configuration fails (%s)", async (name, reason) => {
    const error = await failToDeploy(target, systems[name]);
    expect(error).toContain(reason);
    expect(error).toContain(`activating ${name}`);
    expectRolledBack(error);
    expect(await stateOf(target)).toEqual(base);
  });

  it("treats exit code 100 as a success that needs a reboot", async () => {
    expect(await deploy(target, systems.wantsReboot)).toMatchObject({ rebootNeeded: true });
    expect(await stateOf(target)).toMatchObject({ currentSystem: systems.wantsReboot });
  });

  it("reports that another kernel needs a reboot", async () => {
    await target.sh(`ln -sfn ${systems.base} /run/booted-system`);
    expect(await deploy(target, systems.next)).toMatchObject({ rebootNeeded: false });
    expect(await deploy(target, systems.otherKernel)).toMatchObject({ rebootNeeded: true });
    expect(await deploy(target, systems.otherKernel)).toMatchObject({ rebootNeeded: true });
  });

  it("refuses to switch when a reboot is needed, and reports the need after `boot`", async () => {
    await target.sh(`ln -sfn ${systems.withDbus} /run/booted-system`);
    expect(await deploy(target, systems.withDbus)).toMatchObject({ rebootNeeded: false });
    base = await stateOf(target);
    await target.sh("rm /run/test-calls");
    for (const action of ["switch", "test"]) {
      const error = await failToDeploy(target, systems.withBroker, { action });
      expect(error).toContain(`cannot ${action} to ${systems.withBroker} on`);
      expect(error).toContain(
        "without a reboot: the running system cannot change to it: dbus-implementation: dbus -> broker\n",
      );
    }
    expect(await stateOf(target)).toEqual(base);
    expect(await callsOf(target)).toEqual([]);
    const boot = { action: "boot" };
    expect(await deploy(target, systems.withBroker, boot)).toMatchObject({ rebootNeeded: true });
    expect(await deploy(target, systems.withBroker, boot)).toMatchObject({ rebootNeeded: true });
    expect(await callsOf(target)).toEqual(["boot withBroker"]);
    // The real program would also refuse to switch.
    await expect(target.sh(`${systems.withBroker}/bin/switch-to-configuration test`)).rejects.toThrow();
    const forced = startDeploying(target, systems.withBroker, {}, { env: { NIXOS_NO_CHECK: "1" } });
    expect(await forced.outputs).toMatchObject({ rebootNeeded: true });
    expect(await stateOf(target)).toMatchObject({ currentSystem: systems.withBroker });
  });

  it("restores the profile and the boot loader when the boot loader fails", async () => {
    const error = await failToDeploy(target, systems.badBoot);
    expect(error).toContain("could not be made the default of the boot loader");
    expectRolledBack(error);
    expect(await stateOf(target)).toEqual(base);
    expect(await callsOf(target)).toEqual(["test badBoot", "boot badBoot", "boot base", "test base"]);
    expect(await failToDeploy(target, systems.badBoot, { action: "boot" })).toContain("was rolled back");
    expect(await stateOf(target)).toEqual(base);
  });

  it("keeps a failed system when rollback is disabled, and tries again", async () => {
    const error = await failToDeploy(target, systems.badScript, { rollback: { enable: false } });
    expect(error).toContain("left as it is (rollback is disabled)");
    expect(error).toContain(`it runs ${systems.base} now`);
    expect(await callsOf(target)).toEqual(["test badScript"]);
    await expect(deploy(target, systems.next, { rollback: { enable: false } })).resolves.toBeDefined();
    expect(await stateOf(target)).toMatchObject({ currentSystem: systems.next, profile: systems.next });
  });

  it("does only the work of the action", async () => {
    expect(await deploy(target, systems.next, { action: "dry-activate" })).toMatchObject({
      generation: null,
      previousToplevel: systems.base,
    });
    expect(await stateOf(target)).toEqual(base);
    expect(await deploy(target, systems.next, { action: "test" })).toMatchObject({ generation: null });
    expect(await stateOf(target)).toEqual({ ...base, currentSystem: systems.next });
    await deploy(target, systems.base);
    const outputs = await deploy(target, systems.next, { action: "boot" });
    const state = await stateOf(target);
    expect(state).toMatchObject({
      currentSystem: systems.base,
      profile: systems.next,
      bootDefault: systems.next,
    });
    expect(outputs["generation"]).toBe(generationOf(state));
    expect(await callsOf(target)).toEqual([
      "dry-activate next",
      "test next",
      "test base",
      "boot base",
      "boot next",
    ]);
  });

  it("works with a profile of another name", async () => {
    const profile = "/nix/var/nix/profiles/other";
    expect(await deploy(target, systems.next, { profile })).toMatchObject({ generation: 1 });
    expect(await target.sh(`readlink -f ${profile}`)).toBe(systems.next);
    expect(await target.sh(`readlink -f ${PROFILE}`)).toBe(systems.base);
    const error = await failToDeploy(target, systems.badScript, { profile });
    expect(error).toContain(`rolled back to ${systems.next}, generation 1 of ${profile}`);
    await deploy(target, systems.base);
  });

  it("makes the missing folder of a profile before it activates", async () => {
    const profile = "/nix/var/nix/profiles/system-profiles/test";
    expect(await deploy(target, systems.next, { profile })).toMatchObject({ generation: 1 });
    expect(await target.sh(`readlink -f ${profile}`)).toBe(systems.next);
    expect(await callsOf(target)).toEqual(["test next", "boot next"]);
    const error = await failToDeploy(target, systems.slow, { profile: "/etc/passwd/profile" });
    expect(error).toMatch(/the folder \/etc\/passwd of the profile cannot be created: .*File exists/);
    expect(error).toContain("Nothing was changed");
    expect(await callsOf(target)).toEqual(["test next", "boot next"]);
    await target.sh(`rm -r ${dirname(profile)}`);
    await deploy(target, systems.next, { profile, action: "boot" });
    expect(await target.sh(`readlink -f ${profile}`)).toBe(systems.next);
  });

  it("confirms with health checks, which may take a while to pass", async () => {
    const server = createServer((_, response) => response.writeHead(204).end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const soon = "test -e /run/checked || { touch /run/checked; exit 1; }";
    try {
      await deploy(target, systems.next, {
        healthChecks: [
          { command: soon },
          { tcp: { port } },
          { http: { url: `http://127.0.0.1:${port}/`, status: 204 } },
        ],
      });
      const error = await failToDeploy(target, systems.slow, {
        ...confirmWithin(2),
        healthChecks: [{ http: { url: `http://127.0.0.1:${port}/` } }],
      });
      expect(error).toContain("has status 204 instead of 200");
    } finally {
      server.close();
    }
    expect(await stateOf(target)).toMatchObject({ currentSystem: systems.next });
  });

  it("asks over HTTPS for a certificate that the deploying machine trusts", async () => {
    const folder = mkdtempSync(join(tmpdir(), "https-"));
    const [keyFile, certFile] = [join(folder, "key"), join(folder, "cert")];
    const request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=test".split(
      " ",
    );
    const names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    execFileSync("openssl", [...request, ...names, "-keyout", keyFile, "-out", certFile], {
      stdio: "ignore",
    });
    const identity = { key: readFileSync(keyFile), cert: readFileSync(certFile) };
    const server = createTlsServer(identity, ({ headers, url }, response) =>
      response.writeHead(url === "/here" && headers.host?.endsWith(`:${port}`) === true ? 200 : 404).end(),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const healthChecks = ["localhost", "127.0.0.1"].map((host) => ({
      http: { url: `https://${host}:${port}/here` },
    }));
    try {
      const trusting = { env: { NODE_EXTRA_CA_CERTS: certFile } };
      await startDeploying(target, systems.next, { healthChecks }, trusting).outputs;
      const error = await failToDeploy(target, systems.base, { ...confirmWithin(2), healthChecks });
      expect(error).toMatch(/the health check HTTP https:\/\/localhost:\d+\/here failed: .*certificate/);
    } finally {
      server.close();
      rmSync(folder, { recursive: true });
    }
  });

  it.each([
    [
      { command: "echo no good >&2; exit 3" },
      "`echo no good >&2; exit 3` failed: cannot run the health check on",
    ],
    [{ tcp: { port: 1 } }, "TCP 127.0.0.1:1 failed: connect ECONNREFUSED"],
    [
      { http: { url: "http://127.0.0.1:1/" } },
      "HTTP http://127.0.0.1:1/ failed: connect ECONNREFUSED 127.0.0.1:1",
    ],
    // On a slow machine, less of the time limit remains.
    [{ command: "sleep 60", timeoutSeconds: 0.7 }, /did not finish within 0\.[1-7] s/],
  ])("goes back when a health check fails: %j", async (check, reason) => {
    const error = await failToDeploy(target, systems.next, { ...confirmWithin(1.5), healthChecks: [check] });
    expect(error).toMatch(reason);
    expectRolledBack(error);
    expect(await stateOf(target)).toEqual(base);
  });

  it("waits for another activation, then reports who runs it", async () => {
    await target.sh("rm -f /run/let-go");
    const first = startDeploying(target, systems.long);
    await activating("long");
    const impatient = await failToDeploy(target, systems.next, { lockTimeoutSeconds: 1 });
    expect(impatient).toMatch(
      /another activation did not finish within 1 s: .*@.*, to activate .*-long, since 20/,
    );
    const next = startDeploying(target, systems.next);
    await eventually("the next one waits", 10, async () => /waiting for .*-long/.test(next.log()));
    await target.sh("touch /run/let-go");
    await next.outputs;
    expect(await first.outputs).toMatchObject({ previousToplevel: systems.base });
    expect(await callsOf(target)).toEqual(["test long", "boot long", "test next", "boot next"]);
  });

  it("waits for a switch-to-configuration of another user", async () => {
    await target.sh("rm -f /run/let-go; mkdir -p /run/nixos");
    const lock = "/run/nixos/switch-to-configuration.lock";
    const other = target.sh(`exec flock ${lock} sh -c 'until [ -e /run/let-go ]; do sleep 0.1; done'`);
    await eventually(
      "the lock is held",
      10,
      async () => (await target.sh(`flock -n ${lock} true && echo free || true`)) === "",
    );
    const error = await failToDeploy(target, systems.next, { lockTimeoutSeconds: 0.5 });
    expect(error).toMatch(/did not finish within 0.5 s: process \d+: .*switch-to-configuration.lock/);
    const next = startDeploying(target, systems.next);
    await eventually("the next one waits", 10, async () => /waiting for .*\.lock/.test(next.log()));
    await target.sh("touch /run/let-go");
    await next.outputs;
    await other;
  });

  it("repeats an interrupted activation", async () => {
    await target.sh(`ln -sfn ${systems.base} /run/current-system`);
    await target.sh("mkdir -p /nix/var/nix/gcroots/nixops4; ln -s x /nix/var/nix/gcroots/nixops4/next");
    await deploy(target, systems.base);
    expect(await callsOf(target)).toEqual(["test base", "boot base"]);
  });

  it("passes on the environment variables of switch-to-configuration", async () => {
    const run = startDeploying(target, systems.tellsVariables, {}, { env: { NIXOS_NO_CHECK: "1 2" } });
    await run.outputs;
    expect(run.log()).toContain("NIXOS_NO_CHECK is <1 2>");
  });

  it("works for a deployer whose user is not in the passwd file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "nobody-"));
    const executable = join(folder, "provider");
    const unlisted = "exec env -u USER unshare --user --map-user=54321";
    writeFileSync(executable, `#!/bin/sh\n${unlisted} ${builtProvider("nixos")} "$@"\n`, { mode: 0o755 });
    try {
      await startDeploying(target, systems.next, {}, { executable }).outputs;
      expect(await target.sh("cat /run/nixos/deployer")).toMatch(
        /^uid 54321@\S+, to activate .*-next, since/,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("can be interrupted at any time, and the host rolls back on its own", async () => {
    const run = startDeploying(target, systems.slow, confirmWithin(1));
    await activating("slow");
    const interruptedAt = Date.now();
    await run.kill("SIGTERM");
    expect(await timeSince(interruptedAt)).toBeLessThan(2500);
    await expect(run.outputs).rejects.toThrow(
      /was interrupted.*\nThe activation continues on the host, which rolls back/s,
    );
    await eventually("the host is back", 15, async () => (await callsOf(target)).includes("test base"));
    await eventually("the operation is over", 5, isIdle);
    expect(await stateOf(target)).toEqual(base);
  });

  it("keeps the records of five operations", async () => {
    expect(Number(await target.sh("ls -d /run/nixops4/*/ | wc -l"))).toBeLessThanOrEqual(6);
    expect(await target.sh("stat -c %a /run/nixops4")).toBe("700");
  });

  async function activating(name: string): Promise<void> {
    await eventually(`${name} is being activated`, 20, async () =>
      (await callsOf(target)).includes(`test ${name}`),
    );
  }

  async function isIdle(): Promise<boolean> {
    return (await target.sh("grep -L phase=done /run/nixops4/*/status || true")) === "";
  }

  function confirmWithin(seconds: number): object {
    return { rollback: { confirmTimeoutSeconds: seconds } };
  }

  function expectRolledBack(error: string): void {
    expect(error).toContain(
      `The host was rolled back to ${systems.base}, generation ${generationOf(base)} of ${PROFILE}`,
    );
  }
});
