import { createHash, randomInt } from "node:crypto";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { netbootLabAvailable } from "@nixops4-providers/test-servers";
import type { TimedEvent } from "../scenarios/bare-metal/deployer.ts";
import type { DeployerProcess } from "../scenarios/bare-metal/deployer-process.ts";
import {
  deployKeyFile,
  keyFolder,
  networkExpression,
  networkGraph,
} from "../scenarios/bare-metal/deployment.ts";
import { processFile, processIds } from "../lab/processes.ts";
import { BareMetal, HOST1, HOST2 } from "../scenarios/bare-metal/scenario.ts";
import { SecretSearch } from "../scenarios/bare-metal/secrets.ts";
import { formatPath, type Evaluator, type MemberPath, type Step } from "../harness/evaluator.ts";
import { moduleSystemsMissing } from "./nix-sources.ts";
import { asNobody } from "./ordinary-user.ts";

const unavailable = netbootLabAvailable();
const suite = unavailable === undefined ? describe : describe.skip;
const seed = Number(process.env["BARE_METAL_SEED"] ?? randomInt(2 ** 31));
const random = randomNumbers(seed);

/** Limits that are many times the duration on an idle host. */
const BOOT_SECONDS = 600;
const INSTALL_SECONDS = 900;
const ORPHAN_SECONDS = 60;
const STEP_MS = 1_800_000;

suite(`from power-on to deployed${unavailable === undefined ? "" : ` (skipped: ${unavailable})`}`, () => {
  let run: BareMetal;
  let hasFailed = false;
  /** The public host keys, by host. */
  const hostKeys: Record<string, string> = {};
  const secrets = new SecretSearch();
  /** The process IDs of providers whose deployer was killed. */
  const killed: number[] = [];
  const planted = "planted-".padEnd(40, "0123456789");

  beforeAll(async () => {
    process.stderr.write(`bare metal: BARE_METAL_SEED=${seed}\n`);
    run = await BareMetal.start();
  }, STEP_MS);

  afterAll(async () => {
    await run?.stop();
  });

  /** Expects that the name server has the machine's address, name and host key. */
  async function expectRecords(name: string): Promise<void> {
    const { dns, hosts } = run.network;
    const { ip } = hosts[name]!;
    const dig = async (...question: string[]) =>
      (await run.landscaper.lab.run("dig", "+short", `@${run.landscaper.lab.address}`, ...question)).trim();
    expect(await dig(`${name}.${dns.zone}`, "A")).toBe(ip);
    expect(await dig("-x", ip)).toBe(`${name}.${dns.zone}.`);
    const told = await run.ssh(name, hostKeys[name]!, "ssh-keygen -r x -f /etc/ssh/ssh_host_ed25519_key.pub");
    const [, sha256] = /^x IN SSHFP (4 2 [0-9a-f]+)$/m.exec(told)!;
    const served = await dig(`${name}.${dns.zone}`, "SSHFP");
    // dig prints long data in groups.
    expect(
      served
        .toLowerCase()
        .replace(/^(\d \d )(.*)$/, (_, head: string, hex: string) => head + hex.replaceAll(" ", "")),
    ).toBe(sha256);
  }

  /** Defines a test that fails at once when an earlier one has failed. */
  function step(name: string, work: () => Promise<void>): void {
    it(
      name,
      async () => {
        if (hasFailed) throw new Error("a step before this one has failed");
        hasFailed = true;
        await work();
        hasFailed = false;
      },
      STEP_MS,
    );
  }

  step("deploys a machine, whatever is killed on the way", async () => {
    await kill("waiting", run.apply(), (deployer) => waitsFor(deployer, "host1"), 3);

    const booting = run.apply();
    await waitsFor(booting, "host1");
    const machine = await run.powerOn("host1", "bios");
    await kill("boot", booting, async () => {}, 20);

    const claimed = async () => {
      await run.observer.bootEvent("the claim", ({ kind }) => kind === "claimed", INSTALL_SECONDS);
    };
    await kill("install", run.apply(), claimed, 4);

    const rekeying = run.apply();
    await rekeying.event("the installation", logs("host1.installation", /waiting until/), BOOT_SECONDS);
    await run.landscaper.bootService.kill();
    expect(steps("host1", "installed")).toBe(0);
    await sleep(1000 + random() * 3000);
    await run.landscaper.bootService.start();
    const sshAnswers = () =>
      rekeying.event(
        "a new host key",
        logs("host1.ssh_host_public_key", /giving .* a new host key/),
        BOOT_SECONDS,
      );
    await kill("host_key", rekeying, sshAnswers, 2);

    // The role was changed meanwhile, so the installed system is no longer the wanted one.
    run.network = { ...run.network, text: "version 2" };
    const activates = (deployer: DeployerProcess) =>
      deployer.event("nixos", starts("host1.nixos"), BOOT_SECONDS);
    await kill("nixos", run.apply(), activates, 2);

    const results = await run.apply().done();
    await killedHaveEnded();
    hostKeys["host1"] = String(results.get("host1.ssh_host_public_key")!.outputs["hostPublicKey"]);
    expect(results.get("host1.runs")!.outputs["stdout"]).toMatch(
      /^generation [2-9]: \/nix\/store\/\w+-nixos-system-host1\nversion 2$/,
    );
    expect(results.get("host1.runs")!.outputs["stdout"]).not.toContain(installedSystem("host1"));
    expect(steps("host1", "claimed")).toBe(1);
    expect(steps("host1", "installed")).toBe(1);
    expect(machine.console()).toContain("Booting from disk: it is installed");
    expect((await run.ssh("host1", hostKeys["host1"], "findmnt --noheadings --output SOURCE /")).trim()).toBe(
      "/dev/vda3",
    );
    expect(temporaryKeyOf("host1")).not.toContain(hostKeys["host1"]);
    expect(await run.ssh("host1", hostKeys["host1"], "ls /etc/ssh")).not.toMatch(/\.(old|new)$/m);
    await collectHostKey("host1");
    await expectRecords("host1");
  });

  step("changes nothing when it is applied again", async () => {
    const before = await touch("host1");
    const results = await run.apply().done();
    const actions = [...results.values()].map(({ member, action }) => [member, action] as const);
    expect(Object.fromEntries(actions)).toEqual({
      deploy_key: "skipped",
      "host1.dns_address": "skipped",
      "host1.dns_sshfp": "skipped",
      "host1.installation": "ensured",
      "host1.installation_host_key": "skipped",
      "host1.installation_pxe_nbp": "ensured",
      "host1.nixos": "ensured",
      "host1.runs": "ensured",
      "host1.ssh_host_public_key": "skipped",
      landscaper_cache_key: "ensured",
      state: "ensured",
    });
    expect(results.get("host1.nixos")!.outputs).toMatchObject({ previousToplevel: null });
    expect(await before.after()).toEqual(before.state);
  });

  step("boots from disk after a power cycle, though the network comes first", async () => {
    await powerCycle("host1");
  });

  step("does not install another kernel or ramdisk", async () => {
    const { installer } = run.network;
    const [kernel, initrd] = [join(run.landscaper.folder, "kernel"), join(run.landscaper.folder, "initrd")];
    await fs.copyFile(installer.kernel, kernel);
    await fs.copyFile(installer.initrd, initrd);
    for (const file of [kernel, initrd]) await fs.appendFile(file, Buffer.alloc(512));
    run.network = { ...run.network, installer: { ...installer, kernel, initrd } };
    const deployer = run.apply();
    await deployer.done();
    expect(
      deployer.events.some(logs("host1.installation_pxe_nbp", /warning: .*higher installGeneration than 1/)),
    ).toBe(true);
    await powerCycle("host1");
  });

  step("installs a second machine, with EFI and one more line, and does not touch the first", async () => {
    const before = await touch("host1");
    run.network = { ...run.network, hosts: { ...run.network.hosts, host2: HOST2 } };
    const deployer = run.apply();
    await waitsFor(deployer, "host2");
    await run.powerOn("host2", "efi");
    const results = await deployer.done();
    hostKeys["host2"] = String(results.get("host2.ssh_host_public_key")!.outputs["hostPublicKey"]);
    expect(results.get("host2.runs")!.outputs["stdout"]).toBe(
      `generation 1: ${installedSystem("host2")}\nversion 2`,
    );
    const { stateFile: _, ...state } = before.state;
    expect(await before.after()).toMatchObject(state);
    await collectHostKey("host2");
    await expectRecords("host2");
  });

  step("installs a machine again by a higher installGeneration", async () => {
    const before = await touch("host2");
    const host1 = { ...HOST1, installGeneration: 2, disk: { allowWipe: true } };
    run.network = { ...run.network, hosts: { ...run.network.hosts, host1 } };
    const deployer = run.apply();
    await waitsFor(deployer, "host1");
    await run.machines.get("host1")!.powerCycle();
    const results = await deployer.done();
    const hostKey = String(results.get("host1.ssh_host_public_key")!.outputs["hostPublicKey"]);
    expect(hostKey).not.toBe(hostKeys["host1"]);
    hostKeys["host1"] = hostKey;
    expect(results.get("host1.runs")!.outputs["stdout"]).toBe(
      `generation 1: ${installedSystem("host1")}\nversion 2`,
    );
    expect([steps("host1", "claimed"), steps("host2", "claimed")]).toEqual([2, 1]);
    const { stateFile: _, ...state } = before.state;
    expect(await before.after()).toMatchObject(state);
    await collectHostKey("host1");
    // The records now have the host key of the new installation.
    await expectRecords("host1");
  });

  step("does not leak any secret", async () => {
    // A deliberate leak into an environment shows that the search below can find one.
    const control = spawn("sleep", ["2"], { env: { PLANTED: planted } });
    await sleep(1000);
    control.kill();
    run.observer.stop();

    const { observer, landscaper, network } = run;
    expect(observer.temporaryKeys.size).toBe(3);
    for (const key of observer.temporaryKeys) secrets.addPrivateKey("a temporary host key", key);
    secrets.addPrivateKey("the deploy key", await fs.readFile(deployKeyFile(network), "utf8"));
    secrets.addToken(
      "the cache's key",
      (await fs.readFile(landscaper.cacheKeyFile, "utf8")).trim().split(":")[1]!,
    );

    const texts = await whatCanBeRead();
    expect(leaks(texts, secrets)).toEqual({});

    const [tokens, addresses] = [new SecretSearch(), new SecretSearch()];
    expect(observer.tokens.size).toBeGreaterThanOrEqual(3);
    for (const token of observer.tokens) tokens.addToken("a boot token", token);
    for (const id of observer.overlayIds) addresses.addToken("an overlay's address", id);
    // The store must contain the tokens, and iPXE prints the addresses that it loads.
    const { store, ...shown } = texts;
    const { consoles, ...others } = shown;
    expect(leaks(shown, tokens)).toEqual({});
    expect(leaks(others, addresses)).toEqual({});
    expect(leaks({ store: store! }, tokens)).toEqual({ store: ["a boot token"] });
    expect(leaks({ consoles: consoles! }, addresses)).toEqual({ consoles: ["an overlay's address"] });

    const plant = new SecretSearch();
    plant.addToken("a planted secret", planted);
    expect(leaks(texts, plant)).toEqual({ processes: ["a planted secret"] });
    const keys = [...observer.temporaryKeys];
    expect(secrets.findIn(JSON.stringify({ line: keys[0] }))).toContain("a temporary host key");
    expect(secrets.findIn(Buffer.from(keys[1]!).toString("utf8").replaceAll("\n", ""))).toContain(
      "a temporary host key",
    );
  });

  const installedSystem = (name: string): string => {
    const message = run.observer.bootEvents.findLast(({ id, kind }) => id === name && kind === "installed")!
      .report!.message;
    return /\/nix\/store\/[\w.-]+/.exec(message)![0];
  };

  const steps = (name: string, kind: string): number =>
    run.observer.bootEvents.filter((event) => event.id === name && event.kind === kind).length;

  const temporaryKeyOf = (name: string): string =>
    execFileSync("ssh-keygen", ["-y", "-f", join(keyFolder(run.network), `${name}_installation_host_key`)], {
      encoding: "utf8",
    });

  async function waitsFor(deployer: DeployerProcess, host: string): Promise<void> {
    const { mac } = run.network.hosts[host]!;
    const waiting = new RegExp(`waiting for the machine ${mac} to boot from the network`);
    await deployer.event(`waits for ${host}`, logs(`${host}.installation`, waiting), BOOT_SECONDS);
  }

  /** Kills the deployer, with or without its providers, at a random time after the start of a phase. */
  async function kill(
    phase: string,
    deployer: DeployerProcess,
    begins: (deployer: DeployerProcess) => Promise<unknown>,
    withinSeconds: number,
  ): Promise<void> {
    await begins(deployer);
    const seconds = random() * withinSeconds;
    await sleep(seconds * 1000);
    const what = random() < 0.5 ? "deployer" : "with-providers";
    const [busy, providers] = [deployer.isRunning, await deployer.kill(what)];
    process.stderr.write(
      `bare metal: ${phase}: killed ${what} after ${seconds.toFixed(1)} s (${busy ? `${providers.length} processes` : "had ended"})\n`,
    );
    killed.push(...providers);
  }

  /** Expects that the providers whose deployer was killed exit on their own. */
  async function killedHaveEnded(): Promise<void> {
    const deadline = Date.now() + ORPHAN_SECONDS * 1000;
    const running = () => killed.filter((pid) => processFile(pid, "cmdline").includes("nixops4-resources"));
    while (running().length > 0 && Date.now() < deadline) await sleep(100);
    expect(running()).toEqual([]);
  }

  /** Adds the host key in /etc/ssh to the secrets. */
  async function collectHostKey(name: string): Promise<void> {
    const key = await run.ssh(name, hostKeys[name]!, "cat /etc/ssh/ssh_host_ed25519_key");
    secrets.addPrivateKey(`the host key of ${name}`, key);
  }

  /** Returns the state of a host, and a function that returns it again with the files written since. */
  async function touch(name: string) {
    const look = async () => ({
      host: await run.ssh(
        name,
        hostKeys[name]!,
        "cat /proc/sys/kernel/random/boot_id; ls -l --time-style=full-iso /nix/var/nix/profiles/system*; readlink /run/current-system;" +
          " find / -xdev -newer /run/touched ! -path '/var/log/*' ! -path /nix/var/nix/gc.lock ! -type d",
      ),
      bootEvents: run.observer.bootEvents.filter(({ id }) => id === name).length,
      stateFile: createHash("sha256")
        .update(await fs.readFile(run.stateFile))
        .digest("hex"),
    });
    await run.ssh(name, hostKeys[name]!, "touch /run/touched; sleep 0.1");
    const state = await look();
    return { state, after: look };
  }

  /** Resets a host. It boots from the network, where iPXE makes it boot the same system from its disk. */
  async function powerCycle(name: string): Promise<void> {
    const machine = run.machines.get(name)!;
    const look = async () => {
      const command = "cat /proc/sys/kernel/random/boot_id; readlink /run/current-system";
      return (await run.ssh(name, hostKeys[name]!, command)).split("\n");
    };
    const [before, seen, events] = [await look(), machine.console().length, run.observer.bootEvents.length];
    await machine.powerCycle();
    await machine.waitForConsole(/Booting from disk: it is installed/, BOOT_SECONDS, seen);
    await run.landscaper.lab.run(
      "timeout",
      String(BOOT_SECONDS),
      "sh",
      "-c",
      `until busybox nc -w 5 ${run.network.hosts[name]!.ip} 22 </dev/null | grep -q SSH; do sleep 0.5; done`,
    );
    const [bootId, system] = await look();
    expect(bootId).not.toBe(before[0]);
    expect(system).toBe(before[1]);
    expect(run.observer.bootEvents.slice(events)).toEqual([]);
  }

  async function whatCanBeRead(): Promise<Record<string, string>> {
    const { observer, landscaper } = run;
    return {
      consoles: [...run.machines.values()].map((machine) => machine.console()).join("\n"),
      "the deployers": run.deployers.map(({ events, stderr }) => JSON.stringify(events) + stderr).join("\n"),
      "the boot service's log": landscaper.bootService.log.join("\n"),
      "the boot service's pages": [...observer.statusTexts].join("\n"),
      "dnsmasq's log": await landscaper.dnsmasqLog(),
      store: await fs.readFile(join(landscaper.bootService.store, "journal.json"), "utf8"),
      "the state file": await fs.readFile(run.stateFile, "utf8"),
      processes: [...observer.processTexts].join("\n"),
    };
  }
});

suite("npm run demo -- --machine (skipped where no machine can be run)", () => {
  /** Runs the demo, and resolves to its process ID, output and exit code. */
  async function runDemo(command: string[], interruptAt?: RegExp) {
    const demo = ["--import", "tsx", "scripts/demo.ts", "--no-build", "--machine"];
    const [program, ...args] = [...command, process.execPath, ...demo];
    const child = spawn(program!, args, { cwd: join(import.meta.dirname, "../..") });
    let [output, page] = ["", ""];
    let interrupted: Promise<void> | undefined;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        if (interruptAt?.test(output) === true) interrupted ??= interrupt();
      });
    }
    const interrupt = async () => {
      page = await (await fetch(/status page: (\S+)/.exec(output)![1]!)).text();
      child.kill("SIGINT");
    };
    const [code] = (await once(child, "close")) as [number | null];
    await interrupted;
    return { pid: child.pid!, code, output, page };
  }

  it("says what is missing without root", async () => {
    expect(await runDemo(asNobody)).toMatchObject({
      code: 1,
      output: expect.stringContaining("error: no machine can be run here: it needs root."),
    });
  });

  it("shows the status page, and cleans up when it is interrupted", async () => {
    const { pid, code, output, page } = await runDemo([], /host1 +is turned on/);
    expect(output).toContain("interrupted by SIGINT; everything it started is stopped");
    expect(code).toBe(130);
    expect(page).toContain("host1");
    const name = `netboot-${pid}-`;
    const left = [...(await fs.readdir("/run/netns")), ...(await fs.readdir(tmpdir()))];
    expect(left.filter((file) => file.startsWith(name))).toEqual([]);
    expect(processIds().filter((id) => processFile(id, "cmdline").includes(name))).toEqual([]);
  }, 600_000);
});

const components = moduleSystemsMissing === "" ? describe : describe.skip;

components(`the network of the lab${moduleSystemsMissing}`, () => {
  it("has the same members by the components as without them", async () => {
    const network = {
      folder: "/lab",
      socket: "/lab/api.sock",
      cache: { url: "http://10.99.0.1:5000", publicKeyFile: "/lab/key" },
      dns: {
        zone: "lab.test",
        server: {
          rfc2136: { address: "10.99.0.1", tsig: { name: "deploy", secret: { file: "/lab/secret" } } },
        },
      },
      installer: { kernel: "/lab/kernel", initrd: "/lab/initrd", cmdline: [] },
      hosts: { host1: HOST1, host2: HOST2 },
      text: "",
    };
    const members = await describeMembers(networkExpression(network));
    expect(members).toEqual(await describeMembers(networkGraph(network)));
    expect(Object.keys(members)).toHaveLength(19);
  });
});

/** Returns the resources in a composite, with their types, states and provider names. */
async function describeMembers(
  evaluator: Evaluator,
  path: MemberPath = [],
): Promise<Record<string, unknown>> {
  const members = valueOf(await evaluator.listMembers(path, new Map()));
  const described = Object.entries(members).map(async ([name, kind]) => {
    const member = [...path, name];
    if (kind === "composite") return describeMembers(evaluator, member);
    const { type, state, provider } = valueOf(await evaluator.resourceInfo(member, new Map()));
    return { [formatPath(member)]: { type, state, executable: provider.executable } };
  });
  return Object.assign({}, ...(await Promise.all(described))) as Record<string, unknown>;
}

function valueOf<T>(step: Step<T>): T {
  if ("value" in step) return step.value;
  throw new Error(`it needs ${formatPath(step.needs.member)}.${step.needs.output}`);
}

function leaks(texts: Record<string, string>, secrets: SecretSearch): Record<string, string[]> {
  for (const [name, text] of Object.entries(texts))
    if (text.length < 100) throw new Error(`${name}: nothing is there`);
  const found = Object.entries(texts).map(([name, text]) => [name, secrets.findIn(text)] as const);
  return Object.fromEntries(found.filter(([, names]) => names.length > 0));
}

const starts = (member: string) => (event: TimedEvent) => event.kind === "started" && event.member === member;

const logs = (member: string, pattern: RegExp) => (event: TimedEvent) =>
  event.kind === "log" && event.member === member && pattern.test(event.line);

/** Returns the pseudo-random number generator Mulberry32. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
