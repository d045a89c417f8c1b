import * as fs from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { BUSY, seededRandom } from "@nixops4-providers/test-servers";
import {
  applyDeployment,
  binFolder,
  builtProvider,
  graph,
  type MemberResult,
  runOperation,
  timeSince,
} from "../harness/index.ts";
import { changedMembers, observe } from "../scenarios/first-deployment/observe.ts";
import { DeployerRun, type Operation } from "../scenarios/random-kills/deployer-run.ts";
import { membersOf, type Round } from "../scenarios/random-kills/deployment.ts";
import { Killer } from "../scenarios/random-kills/killer.ts";
import { markedProcesses, signalMarked } from "../scenarios/random-kills/marked.ts";
import { problemsOf, type State } from "../scenarios/random-kills/problems.ts";

/** The seed of the random choices. `KILL_SEED=7` repeats those of a run; their effect also depends on the load. */
const SEED = Number(process.env["KILL_SEED"] ?? Date.now() % 100_000);
const KILLS = 300;
/** The least number of interruptions of each operation. */
const HITS = KILLS / 30;
const MAX_ROUNDS = 100;
const LEFT_MS = 2_000;
/** The largest number of events after which the deployer is ended. */
const MOST_EVENTS = 40;
const TIMEOUT_MS = 900_000;

/** The signals that end the deployer, by round of a cycle. */
const ENDS: Readonly<Record<number, "SIGKILL" | "SIGINT" | "SIGTERM">> = {
  2: "SIGKILL",
  5: "SIGINT",
  8: "SIGKILL",
  11: "SIGTERM",
};
const CYCLE = 12;

describe(`${KILLS} random kills of providers and deployers (KILL_SEED=${SEED})`, () => {
  const random = seededRandom(SEED);
  const cutShort: Operation[] = [];
  let kills = 0;
  let lifetimeMs = 0;
  let folder: string;
  let go: string;

  beforeAll(async () => {
    folder = await fs.mkdtemp("/var/tmp/random-kills-");
    go = join(folder, "go");
    for (const name of ["files", "keys", "started"]) await fs.mkdir(join(folder, name));
    await fs.writeFile(go, "");
  });
  afterAll(async () => {
    for (const pid of markedProcesses().keys()) signalMarked(pid, "SIGKILL");
    await fs.rm(folder, { recursive: true });
  });

  it(
    "lose nothing that was acknowledged, leave nothing running, and the next apply converges",
    async () => {
      let state = await converge(0, {});
      for (let round = 1; kills < KILLS; round++) {
        const results = await disturbedApply(round, ENDS[round % CYCLE]);
        const found = await readState();
        const problems = problemsOf(membersOf(folder, round), results, state, found);
        problems.push(...(await wrongFiles(round, results)));
        expect({ round, problems }).toEqual({ round, problems: [] });
        state = await converge(round, found);
        expect(round).toBeLessThan(MAX_ROUNDS);
      }
      for (const operation of ["create", "update", "event"]) {
        expect(cutShort.filter((each) => each === operation).length).toBeGreaterThan(HITS);
      }
    },
    TIMEOUT_MS,
  );

  /** Applies a round while processes are killed. Returns the results that the deployer has printed. */
  async function disturbedApply(round: number, end: NodeJS.Signals | undefined): Promise<MemberResult[]> {
    const killer = new Killer(folder, random, lifetimeMs);
    // A killed provider leaves its program running, so none is killed while programs wait for a signal.
    const isSignalled = end === "SIGINT" || end === "SIGTERM";
    if (isSignalled) {
      killer.close();
      await fs.rm(go);
    }
    let eventsLeft = 1 + Math.floor(random() * MOST_EVENTS);
    const run = new DeployerRun(folder, round, () => {
      if (end === undefined || --eventsLeft !== 0) return;
      if (isSignalled) signalMarked(run.pid, end);
      else killer.kill(run.pid);
    });
    await run.ended();
    const ended = Date.now();
    if (isSignalled) signalProviders(end);
    await noneLeftSince(ended);
    killer.close();
    kills += killer.kills;
    cutShort.push(...run.cutShort);
    await fs.writeFile(go, "");
    return run.results;
  }

  /** A terminal sends its signals to all processes, except the programs of `exec`, which have groups of their own. */
  function signalProviders(signal: NodeJS.Signals): void {
    for (const [pid, command] of markedProcesses()) {
      if (command.includes(binFolder)) signalMarked(pid, signal);
    }
  }

  async function noneLeftSince(moment: number): Promise<void> {
    const deadline = moment + LEFT_MS * BUSY;
    while (markedProcesses().size > 0 && Date.now() < deadline) await sleep(10);
    expect([...markedProcesses().values()]).toEqual([]);
    if (Date.now() - moment > LEFT_MS) expect(await timeSince(moment)).toBeLessThan(LEFT_MS);
  }

  async function readState(): Promise<State> {
    const resource = { type: "state_file", inputProperties: { name: "state.json" } };
    const read = await runOperation(builtProvider("local"), (local) => local.stateRead(resource), {
      cwd: folder,
    });
    return read["resources"] as State;
  }

  /** Returns the files without the acknowledged contents. */
  async function wrongFiles(round: number, results: readonly MemberResult[]): Promise<string[]> {
    const wrong: string[] = [];
    const members = membersOf(folder, round);
    for (const [member, path] of Object.entries(filesOf(members))) {
      const isDone = results.some((result) => result.member === member && result.action === "ensured");
      const { contents } = members[member]!.inputs;
      if (!isDone || contents === undefined) continue;
      if ((await fs.readFile(path, "utf8")) !== contents) wrong.push(`${member} has other contents`);
    }
    return wrong;
  }

  /** Applies a round without kills, then once more, which must change nothing. Returns the state. */
  async function converge(round: number, before: State): Promise<State> {
    const members = membersOf(folder, round);
    // Without a compaction, which would be a change.
    const wanted: Round = { ...members, state: { ...members["state"]!, inputs: { name: "state.json" } } };
    const apply = () => applyDeployment(graph(wanted), { cwd: folder, onEvent: () => {} });
    const first = await apply();
    lifetimeMs = Math.max(...first.map(({ seconds }) => seconds)) * 1000;
    const state = await readState();
    const problems = [...problemsOf(members, first, before, state), ...(await wrongFiles(round, first))];
    expect({ round, problems }).toEqual({ round, problems: [] });

    const files = filesOf(wanted);
    const observed = await observe(first, files);
    const second = await apply();
    const changed = second.filter(({ member, action }) => "state" in wanted[member]! && action !== "skipped");
    expect({ round, changed }).toEqual({ round, changed: [] });
    expect(changedMembers(observed, await observe(second, files))).toEqual([]);
    return state;
  }

  /** Returns the files that a deployment writes, by member. */
  function filesOf(members: Round): Record<string, string> {
    const files: Record<string, string> = {};
    for (const [member, { inputs }] of Object.entries(members)) {
      const path = inputs["privateKeyFile"] ?? inputs["name"];
      if (typeof path === "string") files[member] = join(folder, path);
    }
    return files;
  }
});
