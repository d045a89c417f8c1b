import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import {
  applyDeployment,
  builtProvider,
  graph,
  type Json,
  type Member,
  ProviderProcess,
} from "@nixops4-providers/e2e";
import {
  nixops4Environment,
  nixops4Missing,
  nixops4Program,
  upstreamProvider,
} from "../../e2e/lab/nixops4.ts";
import { moduleSystemsMissing, withModules } from "../../e2e/tests/nix-sources.ts";
import { availableNodes, median, report } from "./measure.ts";
import { type Peaks, peaksOf, type Times, timesOf } from "./processes.ts";

const RESOURCES = 200;
const MORE_RESOURCES = 1000;
const ROUNDS = 3;
const STATEFUL = new Set(["record_set"]);
const WALL_GOAL = 3;
const MEMORY_GOAL = 250;
const MORE_MEMORY_GOAL = 1024;

interface Usage extends Peaks {
  rounds: Times[];
}

type Work = (folder: string) => Promise<void>;

/**
 * Measures the cost of many resources at once, with a process each. Uses the newest Node, as the Nix packages do. The
 * processes that the harness starts are detached, since the kernel first divides CPU time among sessions.
 */
export async function bench(): Promise<void> {
  const node = availableNodes().at(-1)!;
  const { PATH } = process.env;
  process.env["PATH"] = [dirname(node.path), PATH].join(delimiter);
  try {
    console.log(`\n${RESOURCES} resources at once, by the harness, on Node ${node.version}`);
    await benchHarness(node.path);
    console.log(`\n${MORE_RESOURCES} memos at once, by the harness`);
    await benchMore();
    console.log(`\n${RESOURCES} memos at once, by the real nixops4`);
    await benchNixops4();
  } finally {
    process.env["PATH"] = PATH;
  }
}

async function benchHarness(node: string): Promise<void> {
  const local = builtProvider("local");
  const works: Record<string, Work> = {
    "node -e 0": () =>
      atOnce(() => once(spawn(node, ["-e", "0"], { stdio: "pipe", detached: true }), "close")),
    "local.memo": (folder) => apply(folder, local, "local", "memo", memo),
    "ssh-keypair.keypair": (folder) =>
      apply(folder, local, "ssh-keypair", "keypair", () => ({ privateKeyInState: true })),
    "pxe-nbp.tftp_entry": (folder) =>
      apply(folder, local, "pxe-nbp", "tftp_entry", (n) => tftpEntry(folder, n)),
    "dns: input refused": () => refused("dns", "record_set"),
    "nixos: input refused": () => refused("nixos", "closure"),
    "proxmox: input refused": () => refused("proxmox", "pool"),
    "ssh: input refused": () => refused("ssh", "wait"),
  };
  if (nixops4Missing === "") {
    works["nixops4's own memo"] = (folder) => apply(folder, upstreamProvider, upstreamProvider, "memo", memo);
  } else console.log(`  without nixops4's own provider: that needs ${nixops4Missing}`);
  for (const [name, usage] of await measure(works)) report(name, format(usage));
}

async function benchMore(): Promise<void> {
  const works = {
    "local.memo": (folder: string) =>
      apply(folder, builtProvider("local"), "local", "memo", memo, MORE_RESOURCES),
  };
  for (const [name, usage] of await measure(works, 1)) {
    report(name, format(usage), {
      met: usage.mebibytes <= MORE_MEMORY_GOAL,
      text: `at most ${MORE_MEMORY_GOAL} MiB, none failed`,
    });
  }
}

async function benchNixops4(): Promise<void> {
  const missing = moduleSystemsMissing || nixops4Missing;
  if (missing !== "") return console.log(`  skipped without ${missing}`);
  const makers = { "nixops4's own": "upstream", ours: "local" };
  const works: Record<string, Work> = {};
  for (const [memos, memoProvider] of Object.entries(makers)) {
    for (const [state, stateProvider] of Object.entries(makers)) {
      works[`memos: ${memos}, state: ${state}`] = (folder) =>
        applyByNixops4(folder, memoProvider, stateProvider);
    }
  }
  const usages = [...(await measure(works))];
  const native = usages[0]![1];
  for (const [name, usage] of usages) {
    if (usage === native) {
      report(name, format(usage));
      continue;
    }
    const ratio = median(
      usage.rounds.map(({ wallSeconds }, round) => wallSeconds / native.rounds[round]!.wallSeconds),
    );
    report(name, format(usage), {
      met: ratio <= WALL_GOAL && usage.mebibytes <= MEMORY_GOAL,
      text: `${ratio.toFixed(1)} of at most ${WALL_GOAL} times nixops4's own, at most ${MEMORY_GOAL} MiB`,
    });
  }
}

/** Runs each work in a new folder. Memory is measured in a separate round, since watching it slows the work down. */
async function measure(works: Record<string, Work>, rounds = ROUNDS): Promise<Map<string, Usage>> {
  const usages = new Map<string, Usage>();
  for (const [name, work] of Object.entries(works)) {
    usages.set(name, { ...(await inNewFolder((folder) => peaksOf(() => work(folder)))), rounds: [] });
  }
  for (let round = 0; round < rounds; round++) {
    for (const [name, work] of Object.entries(works)) {
      usages.get(name)!.rounds.push(await inNewFolder((folder) => timesOf(() => work(folder))));
    }
  }
  return usages;
}

async function inNewFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "bench-many-"));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function format({ rounds, mebibytes, processes }: Usage): string {
  const cpu = median(rounds.map(({ cpuSeconds }) => cpuSeconds)).toFixed(1);
  const wall = median(rounds.map(({ wallSeconds }) => wallSeconds)).toFixed(1);
  return `CPU ${cpu} s, wall ${wall} s, ${mebibytes.toFixed(0)} MiB, ${processes} processes`;
}

async function atOnce(work: (n: number) => Promise<unknown>): Promise<void> {
  await Promise.all(Array.from({ length: RESOURCES }, (_, n) => work(n)));
}

function memo(n: number): Record<string, Json> {
  return { initialize_with: `the value of memo ${n}` };
}

function tftpEntry(root: string, n: number): Record<string, Json> {
  const mac = `02:00:00:00:00:${n.toString(16).padStart(2, "0")}`;
  return { root, macs: [mac], kernel: "vmlinuz" };
}

/** Applies a deployment whose state is in a file. Rejects when one of its resources fails. */
async function apply(
  folder: string,
  stateProvider: string,
  provider: string,
  type: string,
  inputsOf: (n: number) => Record<string, Json>,
  count = RESOURCES,
): Promise<void> {
  const executable = provider.includes("/") ? provider : builtProvider(provider);
  const members: Record<string, Member<string>> = {
    state: {
      provider: { executable: stateProvider },
      type: "state_file",
      inputs: { name: join(folder, "state.json") },
    },
  };
  for (let n = 0; n < count; n++) {
    members[`member${n}`] = { provider: { executable }, type, inputs: inputsOf(n), state: "state" };
  }
  await applyDeployment(graph(members), { onEvent: () => {} });
}

/**
 * Sends a request with invalid inputs: the provider starts, reads the request and refuses it. This is all that can be
 * measured without a server for types that need one.
 */
function refused(provider: string, type: string): Promise<void> {
  return atOnce(async () => {
    const process = new ProviderProcess(builtProvider(provider), { onStderr: () => {}, detached: true });
    const error: unknown = await process.create(type, {}, STATEFUL.has(type)).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    await process.close();
    if (!(error instanceof Error && error.message.startsWith("invalid inputs"))) {
      throw new Error(`${provider}.${type} has not refused its inputs: ${String(error)}`);
    }
  });
}

async function applyByNixops4(folder: string, memoProvider: string, stateProvider: string): Promise<void> {
  await writeFile(join(folder, "deployment.nix"), withModules(nixops4Root(memoProvider, stateProvider)));
  const args = ["apply", "--no-interactive", "--file", "deployment.nix"];
  // A file and not a pipe, since nixops4 exits when a write to its output would block.
  const log = await open(join(folder, "log"), "w+");
  try {
    const child = spawn(nixops4Program, args, {
      cwd: folder,
      env: nixops4Environment(folder),
      stdio: ["ignore", log.fd, log.fd],
    });
    const [code] = (await once(child, "exit")) as [number | null];
    if (code === 0) return;
    const end = (await readFile(join(folder, "log"), "utf8")).slice(-2000);
    throw new Error(`nixops4 apply has failed (${code}):\n${end}`);
  } finally {
    await log.close();
  }
}

function nixops4Root(memoProvider: string, stateProvider: string): string {
  return `root ({ members, providers, lib, ... }: {
    providers = {
      inherit (self.modules.nixops4Provider) local;
      upstream = {
        imports = [ self.modules.nixops4Provider.local ];
        executable = lib.mkForce ${JSON.stringify(upstreamProvider)};
      };
    };
    members = {
      state = { type = providers.${stateProvider}.state_file; inputs.name = "state.json"; };
    } // lib.genAttrs (map (n: "memo\${toString n}") (lib.range 1 ${RESOURCES})) (name: {
      type = providers.${memoProvider}.memo;
      state = members.state;
      inputs.initialize_with = name;
    });
  })`;
}
