import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { labAvailable } from "@nixops4-providers/test-servers";
import { deploy, failToDeploy, type Run, startDeploying } from "./deployer.ts";
import { WAIT_WITH } from "./ramdisk-with-sshd.ts";
import { FORGET_UNITS, type SwitchedUnits, switchUnits } from "./switch-units.ts";
import { callsOf, eventually, type HostState, PROFILE, reset, stateOf } from "./target.ts";
import { buildSystem, type TestSystem } from "./test-systems.ts";
import { startVmTarget, type VmTarget } from "./vm-target.ts";

const LOOP = "Restart=always\nRestartSec=3600";
const OLD = service("false", "Type=oneshot");
const RELOADED = service("sleep 1000", "ExecReload=false");

const SYSTEMS = {
  base: { onTest: "systemctl start ssh; rm -f /run/ssh-is-down" },
  next: {},
  held: { onTest: "while [ -e /run/hold ]; do sleep 0.5; done" },
  crashLoop: switched({
    units: { "exit4-loop.service": service("false", LOOP) },
    start: ["exit4-loop.service"],
  }),
  dependencyFails: switched({
    units: {
      "exit4-base.service": service("false", "Type=oneshot"),
      "exit4-top.service": `[Unit]\nRequires=exit4-base.service\nAfter=exit4-base.service\n${service("sleep 1000")}`,
    },
    start: ["exit4-top.service"],
  }),
  reloadFails: switched({ units: { "exit4-reload.service": RELOADED }, reload: ["exit4-reload.service"] }),
  userFails: switched({ units: {}, failingUsers: ["admin"] }),
  failsOtherwise: switched({
    units: { "exit4-old.service": service("sh -c 'exit 7'", "Type=oneshot") },
    start: ["exit4-old.service"],
  }),
  failsAsBefore: switched({ units: { "exit4-old.service": OLD }, start: ["exit4-old.service"] }),
  namesNothing: { afterTest: "exit 4" },
  noSshd: { onTest: "systemctl stop ssh; pkill -KILL -f 'sshd: roo[t]@notty' || true" },
  panic: { onTest: "echo c >/proc/sysrq-trigger; sleep 60" },
  otherKernel: { kernel: "another kernel" },
  throughRamdisk: { kernel: "a kernel for it" },
  throughPinnedRamdisk: { kernel: "a kernel for the other" },
  forAdmin: {},
  withDbus: { inhibitors: { "dbus-implementation": "dbus" } },
  withBroker: { inhibitors: { "dbus-implementation": "broker" } },
} satisfies Record<string, Omit<TestSystem, "name">>;

/** The timeout of a test, in milliseconds. The processor is emulated. */
const SLOW = 1_200_000;
/** The pause between two checks of the machine, which slow it down. */
const POLL_MS = 500;

const missing = labAvailable();
const suite = missing === undefined ? describe : describe.skip;

suite(`nixos.system on Debian with systemd${missing === undefined ? "" : ` (skipped: ${missing})`}`, () => {
  const systems = {} as Record<keyof typeof SYSTEMS, string>;
  let target: VmTarget;
  let base: HostState;

  beforeAll(async () => {
    const names = Object.keys(SYSTEMS) as (keyof typeof SYSTEMS)[];
    const builds = names.map(async (name) => (systems[name] = await buildSystem({ name, ...SYSTEMS[name] })));
    target = await startVmTarget([
      { name: "admin", sudo: "without-password" },
      { name: "typist", sudo: "with-password", password: "secret" },
    ]);
    await Promise.all(builds);
    await deploy(target, systems.base);
  }, SLOW);

  afterAll(() => target.stop());

  beforeEach(async () => {
    await reset(target, systems.base);
    await target.sh(`rm -f /run/hold; ${FORGET_UNITS}`);
    base = await stateOf(target);
    expect(base).toMatchObject({ currentSystem: systems.base, profile: systems.base });
  }, SLOW);

  it(
    "switches in a unit of its own, which leaves its log in the journal, with two logins",
    async () => {
      const logins = await target.logins();
      expect(await deploy(target, systems.next)).toMatchObject({
        previousToplevel: systems.base,
        rebootNeeded: false,
      });
      expect(await target.logins()).toBe(logins + 2);
      expect(await stateOf(target)).toMatchObject({
        currentSystem: systems.next,
        profile: systems.next,
        bootDefault: systems.next,
      });
      await eventually("the unit is gone", 10, unitIsGone, POLL_MS);
      const journal = await target.sh("journalctl --boot --unit 'nixops4-activate-*' --output cat");
      expect(journal).toContain("activating next");
      expect(journal).toContain("nixops4: Finished: ok");
      const before = await target.logins();
      expect(await deploy(target, systems.next)).toMatchObject({ previousToplevel: null });
      expect(await target.logins()).toBe(before + 1);
    },
    SLOW,
  );

  it.each([
    ["crashLoop", "exit4-loop.service"],
    ["dependencyFails", "exit4-top.service, exit4-base.service"],
    ["reloadFails", "exit4-reload.service"],
    ["userFails", "user activation for admin"],
    ["failsOtherwise", "exit4-old.service"],
  ] as const)(
    "goes back when something fails with exit code 4 that had not failed so before (%s)",
    async (name, what) => {
      await hasUnit("exit4-old.service", OLD, "start exit4-old || true");
      await hasUnit("exit4-reload.service", RELOADED, "start exit4-reload");
      const error = await failToDeploy(target, systems[name]);
      expect(error).toMatch(
        new RegExp(`these failed, and had not failed in the same way before: ${what}(,.*)?\\. The host`),
      );
      expectRolledBack(error);
      expect(await stateOf(target)).toEqual(base);
      expect(await callsOf(target)).toEqual([`test ${name}`, "test base"]);
    },
    SLOW,
  );

  it(
    "ignores units that had failed in the same way before, and counts a failure without a name",
    async () => {
      await hasUnit("exit4-old.service", OLD, "start exit4-old || true");
      const run = startDeploying(target, systems.failsAsBefore);
      expect(await run.outputs).toMatchObject({ previousToplevel: systems.base });
      expect(run.log()).toContain("warning: the following units failed: exit4-old.service");
      await reset(target, systems.base);
      base = await stateOf(target);
      const error = await failToDeploy(target, systems.namesNothing);
      expect(error).toContain("units failed (exit code 4), but its log names none");
      expectRolledBack(error);
      expect(await stateOf(target)).toEqual(base);
    },
    SLOW,
  );

  it(
    "completes an activation while the cable is unplugged",
    async () => {
      await target.sh("touch /run/hold");
      const run = startDeploying(target, systems.held);
      await activating(run, "held");
      const logins = await target.logins();
      await target.vm.setLink(false);
      await eventually("the loss is noticed", 60, async () => run.log().includes("was lost"));
      await target.vm.setLink(true);
      await eventually("the deployer is back", 60, async () => (await target.logins()) > logins, POLL_MS);
      await target.sh("rm /run/hold");
      expect(await run.outputs).toMatchObject({ previousToplevel: systems.base });
      expect(await callsOf(target)).toEqual(["test held", "boot held"]);
    },
    SLOW,
  );

  it(
    "rolls back when sshd does not run any more",
    async () => {
      const error = await failToDeploy(target, systems.noSshd, {
        rollback: { confirmTimeoutSeconds: 3 },
      });
      expect(error).toContain("was not confirmed within 3 s");
      expectRolledBack(error);
      expect(await stateOf(target)).toEqual(base);
      expect(await callsOf(target)).toEqual(["test noSshd", "test base"]);
    },
    SLOW,
  );

  it(
    "rolls back on its own when the deployer is killed, and the next run converges",
    async () => {
      await target.sh("touch /run/hold");
      const run = startDeploying(target, systems.held, { rollback: { confirmTimeoutSeconds: 3 } });
      await activating(run, "held");
      await run.kill();
      await target.sh("rm /run/hold");
      const isBack = async () => (await callsOf(target)).includes("test base");
      await eventually("the host is back", 40, isBack, POLL_MS);
      await eventually("the unit is gone", 20, unitIsGone, POLL_MS);
      expect(await stateOf(target)).toEqual(base);
      await deploy(target, systems.held);
      expect(await stateOf(target)).toMatchObject({ currentSystem: systems.held, profile: systems.held });
    },
    SLOW,
  );

  it(
    "boots into the old system when the new one makes the kernel panic",
    async () => {
      const error = await failToDeploy(target, systems.panic);
      expect(error).toContain("the host crashed or was restarted during the activation");
      expect(error).toContain(`It runs ${systems.base} now and its profile has ${systems.base}`);
      expect(await stateOf(target)).toEqual(base);
      const outputs = await deploy(target, systems.next);
      expect(outputs).toMatchObject({ previousToplevel: systems.base });
    },
    SLOW,
  );

  it(
    "has complete files in all valid paths after a power cut",
    async () => {
      const parts = `builtins.genList (i: builtins.toFile "part" (toString i)) 20`;
      const path = storeFile("whole", `builtins.concatStringsSep "\\n" (${parts})`);
      await target.sh("sync");
      await startDeploying(target, path, {}, { type: "closure" }).outputs;
      // This writes the registration and the names of all files to the disk, but not the contents of other files.
      await target.sh("sync /nix/var/nix/db/*");
      await target.vm.powerCycle();
      await target.sh(`nix-store --verify-path $(nix-store --query --requisites ${path})`);
    },
    SLOW,
  );

  it(
    "reboots only when the kernel has changed",
    async () => {
      await target.sh(`ln -sfn ${systems.base} /run/booted-system`);
      const bootId = await target.sh("cat /proc/sys/kernel/random/boot_id");
      const reboot = { reboot: "when-needed", healthChecks: [{ command: "test -e /run/current-system" }] };
      expect(await deploy(target, systems.next, reboot)).toMatchObject({ bootId, rebootNeeded: false });
      const outputs = await deploy(target, systems.otherKernel, reboot);
      expect(outputs).toMatchObject({ rebootNeeded: false, previousToplevel: systems.next });
      expect(outputs["bootId"]).not.toBe(bootId);
      expect(await target.sh("readlink -f /run/booted-system")).toBe(systems.otherKernel);
      expect(await deploy(target, systems.otherKernel, reboot)).toMatchObject({
        bootId: outputs["bootId"],
        previousToplevel: null,
      });
    },
    SLOW,
  );

  it.each([
    ["other", "throughRamdisk", /Exit before auth/g, 3],
    ["pinned", "throughPinnedRamdisk", /Pubkey auth succeeded/g, 15],
  ] as const)(
    "waits while the host is in an initial ramdisk that has an SSH server with the %s host key",
    async (key, name, answered, times) => {
      await target.sh(`ln -sfn ${systems.base} /run/booted-system; echo ${key} >${WAIT_WITH}; sync`);
      const bootId = await target.sh("cat /proc/sys/kernel/random/boot_id");
      const seen = target.vm.console().length;
      const console = () => target.vm.console().slice(seen);
      const run = startDeploying(target, systems[name], {
        reboot: "when-needed",
        rebootTimeoutSeconds: 900,
        rollback: { confirmTimeoutSeconds: 20 },
      });
      const attempts = async () => (console().match(answered) ?? []).length >= times;
      await Promise.race([run.outputs, eventually("the ramdisk has answered", 120, attempts)]);
      expect(console()).toContain(`waiting with the host key ${key}`);
      if (key === "other") expect(console()).not.toMatch(/auth succeeded|login attempt/i);
      await target.unlock();
      const outputs = await run.outputs;
      expect(outputs).toMatchObject({ rebootNeeded: false, previousToplevel: systems.base });
      expect(outputs["bootId"]).not.toBe(bootId);
      expect(await target.sh("readlink -f /run/booted-system")).toBe(systems[name]);
    },
    SLOW,
  );

  it(
    "boots and reboots when a switch inhibitor has changed",
    async () => {
      await target.sh(`ln -sfn ${systems.withDbus} /run/booted-system`);
      const first = await deploy(target, systems.withDbus);
      await target.sh("rm /run/test-calls");
      const run = startDeploying(target, systems.withBroker, { reboot: "when-needed" });
      const outputs = await run.outputs;
      expect(outputs).toMatchObject({ rebootNeeded: false, previousToplevel: systems.withDbus });
      expect(outputs["bootId"]).not.toBe(first["bootId"]);
      expect(run.log()).toContain("dbus-implementation: dbus -> broker");
      expect(run.log()).not.toContain("activating withBroker");
      expect(await stateOf(target)).toMatchObject({
        currentSystem: systems.withBroker,
        profile: systems.withBroker,
        bootDefault: systems.withBroker,
      });
      const boot = { action: "boot", reboot: "when-needed" };
      const back = await deploy(target, systems.withDbus, boot);
      expect(back).toMatchObject({ rebootNeeded: false });
      expect(back["bootId"]).not.toBe(outputs["bootId"]);
    },
    SLOW,
  );

  it(
    "works for a user who becomes root by sudo, and reports the problem of one who does not",
    async () => {
      const as = (user: string) => ({ connection: { ...target.connection, user } });
      expect(await failToDeploy(as("admin"), systems.next)).toContain("admin is not root on");
      expect(await failToDeploy(as("typist"), systems.next, { sudo: true })).toContain(
        "It must not ask for a password",
      );
      expect(await stateOf(target)).toEqual(base);
      const { forAdmin } = systems;
      expect(await deploy(as("admin"), forAdmin, { sudo: true })).toMatchObject({
        previousToplevel: systems.base,
      });
      expect(await stateOf(target)).toMatchObject({ currentSystem: forAdmin, profile: forAdmin });
    },
    SLOW,
  );

  async function hasUnit(name: string, contents: string, command: string): Promise<void> {
    await target.sh(
      `cat >/run/systemd/system/${name} <<'END'\n${contents}END\nsystemctl daemon-reload; systemctl ${command}`,
    );
  }

  async function activating(run: Run, name: string): Promise<void> {
    await eventually(`${name} is being activated`, 60, async () => run.log().includes(`activating ${name}`));
  }

  async function unitIsGone(): Promise<boolean> {
    return (await target.sh("systemctl list-units --all --plain --no-legend 'nixops4-activate-*'")) === "";
  }

  function expectRolledBack(error: string): void {
    const generation = /system-(\d+)-link/.exec(base.generation)?.[1];
    expect(error).toContain(
      `The host was rolled back to ${systems.base}, generation ${generation} of ${PROFILE}`,
    );
  }
});

function switched(units: SwitchedUnits): Omit<TestSystem, "name"> {
  return { afterTest: switchUnits(units) };
}

function service(command: string, more = ""): string {
  return `[Service]\nExecStart=${command}\n${more}\n`;
}

/** Adds a file with the value of an expression, and its dependencies, to the store of this machine. */
function storeFile(name: string, expression: string): string {
  const args = ["--eval", "--read-write-mode", "--expr", `builtins.toFile "${name}" (${expression})`];
  return JSON.parse(execFileSync("nix-instantiate", args, { encoding: "utf8" })) as string;
}
