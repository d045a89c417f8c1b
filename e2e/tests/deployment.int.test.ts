import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "@jest/globals";
import { timeSince } from "@nixops4-providers/test-servers";
import {
  ApplyError,
  applyDeployment,
  builtProvider,
  graph,
  runOperation,
  type ApplyEvent,
  type ApplyOptions,
  type Evaluator,
  type Json,
  type MemberResult,
  type Properties,
  type View,
} from "../harness/index.ts";
import { temporaryFolders } from "./temporary-folder.ts";

const upstreamBin = process.env["NIXOPS4_UPSTREAM_BIN"];
const upstreamIt = upstreamBin === undefined ? it.skip : it;
const executable = builtProvider("local");
const provider = { executable };
const temporaryFolder = temporaryFolders();

const state = { provider, type: "state_file", inputs: { name: "state.json" } };
const memo = (value: Json) => ({
  provider,
  type: "memo",
  state: "state",
  inputs: { initialize_with: value },
});
const shell = (script: string) => ({
  provider,
  type: "exec",
  inputs: { executable: "sh", args: ["-c", script] },
});

const reads = (member: "a" | "b" | "c") => ({
  provider,
  type: "exec",
  inputs: {
    executable: "echo",
    args: (members: View<"a" | "b" | "c">) => [members[member].outputs["stdout"]],
  },
});

describe("two applies at once", () => {
  it("the second waits for the first, and finds all of it recorded", async () => {
    const cwd = temporaryFolder();
    const count = {
      ...shell("echo run >> runs; while ! [ -e go ]; do sleep 0.1; done; wc -l < runs"),
      state: "state",
    };
    const apply = () =>
      applyDeployment(graph({ state, count, value: memo(1.5) }), { cwd, onEvent: () => {} });
    const first = apply();
    while (!existsSync(join(cwd, "runs"))) await sleep(20);
    const events: ApplyEvent[] = [];
    const onEvent = (event: ApplyEvent) => events.push(event);
    const second = applyDeployment(graph({ state, count, value: memo(1.5) }), { cwd, onEvent });
    while (!JSON.stringify(events).includes("waiting for another deployment")) await sleep(20);
    writeFileSync(join(cwd, "go"), "");
    expect(actionsOf(await first)).toMatchObject({ count: "created", value: "created" });
    expect(actionsOf(await second)).toMatchObject({ count: "skipped", value: "skipped" });
    expect(readFileSync(join(cwd, "runs"), "utf8")).toBe("run\n");
  });
});

function actionsOf(results: readonly MemberResult[]): Record<string, string> {
  return Object.fromEntries(results.map(({ member, action }) => [member, action]));
}

/** A provider that writes the IDs of its processes to the file `starts`. */
const counted = { executable: "/bin/sh", args: ["-c", `echo $$ >> starts; exec "$0"`, executable] };

function startsIn(folder: string): number[] {
  const file = join(folder, "starts");
  return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n").map(Number) : [];
}

/** Returns the start and end of a command that printed `date +%s%N` twice. */
function interval(results: readonly MemberResult[], member: string): bigint[] {
  return String(outputsOf(results, member)?.["stdout"]).trim().split("\n").map(BigInt);
}

function actions(results: readonly MemberResult[]): Record<string, string> {
  return Object.fromEntries(results.map(({ member, action }) => [member, action]));
}

function outputsOf(results: readonly MemberResult[], member: string): Properties | undefined {
  return results.find((result) => result.member === member)?.outputs;
}

async function failure(evaluator: Evaluator, options?: ApplyOptions): Promise<ApplyError> {
  const error: unknown = await applyDeployment(evaluator, options).catch((reason: unknown) => reason);
  if (error instanceof ApplyError) return error;
  throw new Error("the apply did not fail", { cause: error });
}

function readState(folder: string): Promise<Properties> {
  return runOperation(
    executable,
    (process) =>
      process.stateRead({ type: "state_file", inputProperties: state.inputs, outputProperties: {} }),
    { cwd: folder },
  );
}

function eventsIn(folder: string): { meta: Properties; patch: unknown }[] {
  // Each record is a separate JSON text.
  const records = readFileSync(join(folder, "state.json"), "utf8").split(/(?<=\})\s*(?=\{"?\n? *"index")/);
  return records.map((record) => JSON.parse(record) as { meta: Properties; patch: unknown });
}

describe("the flow of outputs into inputs", () => {
  it("applies a member before those that read its outputs, whatever the order", async () => {
    const events: ApplyEvent[] = [];
    const results = await applyDeployment(
      graph({
        last: {
          provider,
          type: "exec",
          inputs: {
            executable: "echo",
            args: ({ first, middle }) => [first.outputs["stdout"], middle.outputs["stdout"]],
          },
        },
        middle: {
          provider,
          type: "exec",
          inputs: { executable: "cat", stdin: ({ first }) => `<${String(first.outputs["stdout"])}>` },
        },
        first: shell("printf 1"),
      }),
      { onEvent: (event) => events.push(event) },
    );
    expect(results.map(({ member }) => member)).toEqual(["first", "middle", "last"]);
    expect(outputsOf(results, "last")).toEqual({ stdout: "1 <1>\n", json: null });
    expect(events.filter(({ kind }) => kind === "waiting")).toEqual([
      { kind: "waiting", member: "last", on: "first", output: "stdout" },
      { kind: "waiting", member: "middle", on: "first", output: "stdout" },
      { kind: "waiting", member: "last", on: "middle", output: "stdout" },
    ]);
    expect(results.every(({ seconds }) => seconds > 0 && seconds < 10)).toBe(true);
  });

  it("fails where a declared output is missing", async () => {
    const { message, results } = await failure(
      graph({
        a: shell("true"),
        b: { provider, type: "exec", inputs: { executable: ({ a }) => a.outputs["typo"] } },
      }),
    );
    expect(message).toBe("b: Resource a does not have output typo");
    expect(actions(results)).toEqual({ a: "ensured", b: "failed" });
  });

  it("fails where a member is missing", async () => {
    const { message } = await failure(
      graph({
        a: { provider, type: "exec", state: "typo", inputs: {} },
      }),
    );
    expect(message).toContain("there is no member typo");
  });

  it("reports what an input's function throws", async () => {
    const { message } = await failure(
      graph({
        a: {
          provider,
          type: "exec",
          inputs: {
            executable: () => {
              throw new Error("a mistake");
            },
          },
        },
      }),
    );
    expect(message).toBe("a: a mistake");
  });
});

describe("what runs at once", () => {
  const clock = "date +%s%N; sleep 0.1; date +%s%N";

  it("is every member without a dependency on another, also in nested composites", async () => {
    // Each command ends when all of them have started.
    const folder = temporaryFolder();
    const met = `date +%s%N; mktemp -p ${folder} >&2;
      until [ $(ls ${folder} | wc -l) = 4 ]; do sleep 0.05; done; date +%s%N`;
    const results = await applyDeployment(
      graph({
        a: shell(met),
        b: shell(met),
        net: { members: { c: shell(met), deeper: { members: { d: shell(met) } } } },
        after: {
          provider,
          type: "exec",
          inputs: {
            executable: "sh",
            args: ({ a }) => ["-c", `: ${String(a.outputs["stdout"]).length}; ${clock}`],
          },
        },
      }),
    );
    const together = ["a", "b", "net.c", "net.deeper.d"].map((member) => interval(results, member));
    for (const [start] of together) {
      for (const [, end] of together) expect(start).toBeLessThan(end!);
    }
    expect(interval(results, "after")[0]).toBeGreaterThan(interval(results, "a")[1]!);
  });

  it("has one process for each resource, and one for a state during the whole apply", async () => {
    const cwd = temporaryFolder();
    const parent = {
      provider: counted,
      type: "exec",
      inputs: { executable: "sh", args: ["-c", "echo $PPID"] },
    };
    const results = await applyDeployment(graph({ a: parent, b: parent, c: parent }), { cwd });
    const parents = results.map(({ outputs }) => Number(outputs["stdout"]));
    expect(new Set(parents).size).toBe(3);
    expect(new Set(startsIn(cwd))).toEqual(new Set(parents));

    const stateful = temporaryFolder();
    const members = { state: { ...state, provider: counted }, a: memo(1), b: memo(2), c: memo(3) };
    await applyDeployment(graph(members), { cwd: stateful });
    // One process creates the state, and one stays for the read and all three events.
    expect(startsIn(stateful)).toHaveLength(2);
    for (const pid of startsIn(stateful)) expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });
});

/** A deployment in which `b` depends on an output of `a`. */
const chain = (value: Json) => ({
  state,
  a: { ...memo(value), provider: counted },
  b: { ...memo(""), inputs: { initialize_with: ({ a }: View<"a">) => a.outputs["value"] } },
});

const nested = (value: string, from = provider) => ({
  state: { ...state, provider: from },
  top: { ...memo(value), provider: from },
  "odd/~name": memo("odd"),
  net: { members: { inner: memo("i"), deeper: { members: { innermost: memo("ii") } } } },
});

const record = (input: string, value = input) => ({
  type: "memo",
  input_properties: { initialize_with: input },
  output_properties: { value },
});

describe("members with state", () => {
  it("are created once, skipped while their inputs are the same, then updated", async () => {
    const cwd = temporaryFolder();
    const first = await applyDeployment(graph(chain({ x: [1, null], y: "1" })), { cwd });
    expect(actions(first)).toEqual({ state: "ensured", a: "created", b: "created" });
    expect(startsIn(cwd)).toHaveLength(1);

    const second = await applyDeployment(graph(chain({ y: "1", x: [1, null] })), { cwd });
    expect(actions(second)).toEqual({ state: "ensured", a: "skipped", b: "skipped" });
    expect(outputsOf(second, "b")).toEqual({ value: { x: [1, null], y: "1" } });
    expect(startsIn(cwd)).toHaveLength(1);

    const third = await applyDeployment(graph(chain({ x: [1], y: "1" })), { cwd });
    expect(actions(third)).toEqual({ state: "ensured", a: "updated", b: "skipped" });
    // A memo keeps its first value, so the update got the previous outputs.
    expect(outputsOf(third, "a")).toEqual({ value: { x: [1, null], y: "1" } });
    expect(startsIn(cwd)).toHaveLength(2);
  });

  it("leave the same state as nixops4", async () => {
    const cwd = temporaryFolder();
    await applyDeployment(graph(nested("1")), { cwd });
    await applyDeployment(graph(nested("2")), { cwd });

    expect(await readState(cwd)).toEqual({
      _type: "nixopsState",
      resources: { top: record("2", "1"), "odd/~name": record("odd") },
      deployments: {
        net: {
          resources: { inner: record("i") },
          deployments: { deeper: { resources: { innermost: record("ii") }, deployments: {} } },
        },
      },
    });

    const events = eventsIn(cwd);
    expect(events.map(({ meta }) => meta["event"])).toEqual([
      undefined,
      "create",
      "create",
      "create",
      "create",
      "update",
    ]);
    expect(events.map(({ patch }) => patch)).toContainEqual([
      { op: "add", path: "/resources/odd~1~0name", value: record("odd") },
    ]);
    expect(events.at(-1)!.patch).toEqual([
      { op: "replace", path: "/resources/top/input_properties/initialize_with", value: "2" },
    ]);
  });

  upstreamIt(
    "leave the same state with upstream's local provider (skipped without NIXOPS4_UPSTREAM_BIN)",
    async () => {
      const [ours, theirs] = [temporaryFolder(), temporaryFolder()];
      const upstream = { executable: join(upstreamBin!, "nixops4-resources-local") };
      for (const value of ["1", "2"]) {
        await applyDeployment(graph(nested(value)), { cwd: ours });
        await applyDeployment(graph(nested(value, upstream)), { cwd: theirs });
      }
      expect(await readState(ours)).toEqual(await readState(theirs));
      expect(eventsIn(ours).at(-1)?.patch).toEqual(eventsIn(theirs).at(-1)?.patch);
    },
  );

  it("lose no event when many finish at once in a new composite", async () => {
    const cwd = temporaryFolder();
    const names = Array.from({ length: 15 }, (_, index) => `m${index}`);
    const members = Object.fromEntries(names.map((name) => [name, memo(name)]));
    await applyDeployment(graph({ state, net: { members } }), { cwd });
    const { deployments } = (await readState(cwd)) as { deployments: { net: { resources: object } } };
    expect(Object.keys(deployments.net.resources).toSorted()).toEqual(names.toSorted());
  });

  it("refuse to change their type", async () => {
    const cwd = temporaryFolder();
    await applyDeployment(graph({ state, a: memo(1) }), { cwd });
    const { message } = await failure(
      graph({ state, a: { ...shell("echo"), provider: counted, state: "state" } }),
      { cwd },
    );
    expect(message).toBe("a: Resource type change is not supported: memo != exec");
    expect(startsIn(cwd)).toEqual([]);
  });

  it("are not recorded when they fail, and are created by the next apply", async () => {
    const cwd = temporaryFolder();
    const flaky = { ...shell("test -e ready"), state: "state" };
    const { results } = await failure(graph({ state, flaky }), { cwd });
    expect(actions(results)).toEqual({ state: "ensured", flaky: "failed" });
    expect((await readState(cwd))["resources"]).toEqual({});
    writeFileSync(join(cwd, "ready"), "");
    expect(actions(await applyDeployment(graph({ state, flaky }), { cwd }))).toMatchObject({
      flaky: "created",
    });
  });

  it("fail when the resource that stores their state fails", async () => {
    const { message } = await failure(graph({ other: shell("true"), a: { ...memo(1), state: "other" } }));
    expect(message).toMatch(/^a: .*exec/);
  });

  it("may keep their state inside a composite", async () => {
    const cwd = temporaryFolder();
    const a = { ...memo(1), state: "net.state" };
    const results = await applyDeployment(graph({ a, net: { members: { state } } }), { cwd });
    expect(actions(results)).toEqual({ "net.state": "ensured", a: "created" });
  });
});

describe("failures", () => {
  it("stop only what depends on them", async () => {
    const { message, results } = await failure(
      graph({
        broken: shell("echo it broke >&2; exit 7"),
        dependent: {
          provider,
          type: "exec",
          inputs: { executable: ({ broken }) => broken.outputs["stdout"] },
        },
        indirect: {
          provider,
          type: "exec",
          inputs: { executable: ({ dependent }) => dependent.outputs["stdout"] },
        },
        independent: shell("sleep 0.3; echo fine"),
      }),
      { onEvent: () => {} },
    );
    expect(actions(results)).toEqual({
      broken: "failed",
      dependent: "not run",
      indirect: "not run",
      independent: "ensured",
    });
    expect(message).toContain("broken: ");
    expect(message).toContain("exit code: 7");
    expect(message).toContain("dependent: broken failed\nindirect: broken failed");
  });

  /** Four hosts: the first one fails when the others have started longer commands. */
  const network = () => {
    const host = {
      members: {
        first: shell("touch begun-$$; until [ -e failed ]; do sleep 0.1; done; sleep 0.5; touch done-$$"),
      },
    };
    const begun = "until [ $(ls begun-* 2>/dev/null | wc -l) = 3 ]; do sleep 0.1; done; touch failed; exit 1";
    return graph({ hosts: { members: { d: host, c: host, b: host, a: { members: { x: shell(begun) } } } } });
  };
  const done = (folder: string) => readdirSync(folder).filter((name) => name.startsWith("done-")).length;

  it.each([true, false])(
    "of a composite leave the others alone, which come to their end by themselves (interactive: %s)",
    async (interactive) => {
      const cwd = temporaryFolder();
      const { results } = await failure(network(), { cwd, interactive, onEvent: () => {} });
      expect(done(cwd)).toBe(0);
      expect(actions(results)).toEqual({
        "hosts.a.x": "failed",
        "hosts.b.first": "left",
        "hosts.c.first": "left",
        "hosts.d.first": "left",
      });
      while (done(cwd) < 3) await sleep(50);
    },
  );

  it("of a composite stop no other named composite", async () => {
    const cwd = temporaryFolder();
    const members = ["hosts.a", "hosts.b", "hosts.c", "hosts.d"];
    const { message, results } = await failure(network(), { cwd, members, onEvent: () => {} });
    expect(done(cwd)).toBe(3);
    expect(message).toContain("hosts.a.x: ");
    expect(actions(results)).toEqual({
      "hosts.a.x": "failed",
      "hosts.b.first": "ensured",
      "hosts.c.first": "ensured",
      "hosts.d.first": "ensured",
    });
    const resource = await failure(graph({ a: shell("true") }), { members: ["a"] });
    expect(resource.message).toBe("a: expected a composite at a, but found a resource");
  });

  it("name the members of a cycle", async () => {
    const { message, results } = await failure(
      graph({ a: reads("b"), b: reads("c"), c: reads("a"), free: shell("true") }),
    );
    expect(message).toMatch(/Cycle detected: (a -> b -> c -> a|b -> c -> a -> b|c -> a -> b -> c)/);
    expect(actions(results)["free"]).toBe("ensured");
    expect(results).toHaveLength(4);
    const own = await failure(graph({ a: reads("a"), b: shell(""), c: shell("") }));
    expect(own.message).toContain("Cycle detected: a -> a");
  });

  it("tell how a provider ended, and what it logged", async () => {
    const crashing = { executable: "/bin/sh", args: ["-c", "echo no memory left >&2; kill -SEGV $$"] };
    const lines: string[] = [];
    const { message } = await failure(graph({ a: { provider: crashing, type: "x", inputs: {} } }), {
      onEvent: (event) => void (event.kind === "log" && lines.push(`${event.member}: ${event.line}`)),
    });
    expect(message).toContain("killed by SIGSEGV (/bin/sh)\n  no memory left");
    expect(lines).toEqual(["a: no memory left"]);
  });
});

describe("the structure", () => {
  it("may depend on outputs", async () => {
    const results = await applyDeployment(
      graph({
        names: shell("echo a b"),
        each: {
          members: ({ names }) =>
            Object.fromEntries(
              String(names.outputs["stdout"])
                .trim()
                .split(" ")
                .map((name) => [name, shell(`echo ${name}`)]),
            ),
        },
      }),
    );
    expect(actions(results)).toEqual({ names: "ensured", "each.a": "ensured", "each.b": "ensured" });
  });

  it("cannot depend on what it contains", async () => {
    const { message } = await failure(
      graph({
        net: { members: ({ net }) => ({ a: shell(String(net.members["a"]?.outputs["stdout"])) }) },
      }),
    );
    expect(message).toContain("Cycle detected: net.a -> net.a");
  });
});

describe("an interrupt", () => {
  it("ends all providers and starts nothing more", async () => {
    const cwd = temporaryFolder();
    const interrupt = new AbortController();
    const slow = { ...shell("echo $$ >> sleepers; exec sleep 60"), provider: counted };
    const evaluator = graph({
      state: { ...state, provider: counted },
      stored: { ...slow, state: "state" },
      slow,
      later: {
        provider: counted,
        type: "exec",
        inputs: { executable: ({ slow }) => slow.outputs["stdout"] },
      },
    });
    const sleepers = join(cwd, "sleepers");
    const poll = setInterval(() => {
      if (existsSync(sleepers) && readFileSync(sleepers, "utf8").split("\n").length === 3) interrupt.abort();
    }, 20);
    const start = Date.now();
    const { message, results } = await failure(evaluator, {
      cwd,
      signal: interrupt.signal,
      onEvent: () => {},
    });
    clearInterval(poll);

    expect(message).toBe("the apply was interrupted");
    expect(await timeSince(start)).toBeLessThan(10_000);
    expect(actions(results)).toEqual({
      state: "ensured",
      stored: "failed",
      slow: "failed",
      later: "not run",
    });
    const pids = [...startsIn(cwd), ...readFileSync(sleepers, "utf8").trim().split("\n").map(Number)];
    // Two processes of the state, and two of the members.
    expect(pids).toHaveLength(6);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });

  it("of the interactive mode reaches no provider", async () => {
    const cwd = temporaryFolder();
    const interrupt = new AbortController();
    const results = await applyDeployment(graph({ a: shell("touch begun; sleep 0.5; touch done") }), {
      cwd,
      interactive: true,
      signal: interrupt.signal,
      onEvent: ({ kind }) => void (kind === "started" && interrupt.abort()),
    });
    expect(actions(results)).toEqual({ a: "ensured" });
    expect(existsSync(join(cwd, "done"))).toBe(true);
  });

  it("before the start prevents the start of any provider", async () => {
    const cwd = temporaryFolder();
    const { results } = await failure(graph({ a: { ...shell("true"), provider: counted } }), {
      cwd,
      signal: AbortSignal.abort(),
    });
    expect(actions(results)).toEqual({ "(root)": "not run" });
    expect(startsIn(cwd)).toEqual([]);
  });
});
