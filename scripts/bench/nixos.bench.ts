import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { builtProvider, runOperation } from "@nixops4-providers/e2e";
import { missingForNamespaces, startNamespaceTarget } from "../../packages/nixos/tests/namespace-target.ts";
import type { Target } from "../../packages/nixos/tests/target.ts";
import { buildSystem } from "../../packages/nixos/tests/test-systems.ts";
import { median, report } from "./measure.ts";

const ROUNDS = 7;
const PROFILE = "/nix/var/nix/profiles/system";
const LOGINS_GOAL = 2;
/** The limit for a changed system, as a multiple of the time of the shell commands. */
const TIME_GOAL = 1.5;

interface Sample {
  ms: number;
  logins: number;
}

type Way = (target: Target, system: string) => Promise<unknown>;

/**
 * Compares the time and logins of nixos.system with those of the usual shell commands, on a host without network
 * latency.
 */
export async function bench(): Promise<void> {
  console.log(`\nA NixOS system over SSH on loopback (medians of ${ROUNDS}, in turns)`);
  const missing = missingForNamespaces();
  if (missing !== undefined) return report("skipped", missing);
  const systems = await Promise.all(["one", "two"].map((name) => buildSystem({ name: `bench-${name}` })));
  const target = await startNamespaceTarget();
  try {
    await byProvider(target, systems[1]!);
    await byProvider(target, systems[0]!);
    await compare("unchanged", target, () => systems[0]!);
    await compare("changed", target, (round) => systems[(round + 1) % 2]!);
  } finally {
    await target.stop();
  }
}

async function compare(what: string, target: Target, systemOf: (round: number) => string): Promise<void> {
  const samples: { provider: Sample; shell: Sample }[] = [];
  for (let round = 0; round < ROUNDS * 2; round += 2) {
    samples.push({
      shell: await measure(byShell, target, systemOf(round)),
      provider: await measure(byProvider, target, systemOf(round + 1)),
    });
  }
  const shell = medians(samples.map((sample) => sample.shell));
  const provider = medians(samples.map((sample) => sample.provider));
  report(`${what}: nix copy, ssh nix-env and switch`, format(shell));
  const unchanged = what === "unchanged";
  report(`${what}: nixos.system`, format(provider), {
    met: unchanged
      ? provider.ms < shell.ms && provider.logins < shell.logins
      : provider.ms <= TIME_GOAL * shell.ms && provider.logins <= LOGINS_GOAL,
    text: unchanged
      ? "less time and fewer logins"
      : `${(provider.ms / shell.ms).toFixed(2)} of at most ${TIME_GOAL} times as long, ${LOGINS_GOAL} logins`,
  });
}

async function measure(way: Way, target: Target, system: string): Promise<Sample> {
  const before = await target.logins();
  const started = performance.now();
  await way(target, system);
  const ms = performance.now() - started;
  return { ms, logins: (await target.logins()) - before };
}

const byProvider: Way = ({ connection }, toplevel) =>
  runOperation(
    builtProvider("nixos"),
    (provider) => provider.create("system", { connection, toplevel, substituteOnDestination: false }),
    { onStderr: () => {} },
  );

const byShell: Way = async ({ connection }, toplevel) => {
  const { host, port, privateKey } = connection as {
    host: string;
    port: number;
    privateKey: { file: string };
  };
  const settings = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"];
  const options = [
    ...settings.flatMap((setting) => ["-o", setting]),
    "-p",
    String(port),
    "-i",
    privateKey.file,
  ];
  const nix = ["--extra-experimental-features", "nix-command", "copy", "--no-check-sigs"];
  const run = promisify(execFile);
  await run("nix", [...nix, "--to", `ssh-ng://root@${host}`, toplevel], {
    env: { ...process.env, NIX_SSHOPTS: options.join(" ") },
  });
  const activate = `nix-env -p ${PROFILE} --set ${toplevel} && ${toplevel}/bin/switch-to-configuration switch`;
  await run("ssh", [...options, `root@${host}`, activate]);
};

function medians(samples: Sample[]): Sample {
  return {
    ms: median(samples.map(({ ms }) => ms)),
    logins: median(samples.map(({ logins }) => logins)),
  };
}

function format({ ms, logins }: Sample): string {
  return `${ms.toFixed(0)} ms, ${logins} ${logins === 1 ? "login" : "logins"}`;
}
