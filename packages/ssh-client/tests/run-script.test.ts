import { once } from "node:events";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import type { ServerChannel } from "ssh2";
import {
  connect,
  type FiniteScript,
  openScript,
  readBootId,
  runScript,
  type ScriptError,
  type SshConnection,
} from "../src/index.ts";
import { type Behaviour, FakeHost, runInShell, runProgram } from "./fake-host.ts";
import { testContext } from "./test-context.ts";

let host: FakeHost;
const connections: SshConnection[] = [];
beforeAll(async () => void (host = await FakeHost.start()));
afterEach(() => {
  for (const ssh of connections.splice(0)) ssh.end();
});
afterAll(() => host.stop());

/** Connects to a host that runs commands in this way. */
async function login(behaviour: Behaviour = {}, signal?: AbortSignal, seconds = 10): Promise<SshConnection> {
  host.behaviour = behaviour;
  const connection = host.connection({ connectTimeoutSeconds: seconds });
  const ssh = await connect(connection, testContext(signal));
  connections.push(ssh);
  return ssh;
}

const options = (script: string, changes: Partial<FiniteScript>): FiniteScript => ({
  script,
  timeoutSeconds: 20,
  doing: "run the script",
  ...changes,
});
const run = (ssh: SshConnection, script: string, changes: Partial<FiniteScript> = {}) =>
  runScript(ssh, options(script, changes));
const failure = async (ssh: SshConnection, script: string, changes: Partial<FiniteScript> = {}) =>
  run(ssh, script, changes).then(
    () => Promise.reject(new Error("it did not fail")),
    (error: unknown) => error as ScriptError,
  );

const inShell =
  (prefix: string, suffix = "") =>
  (command: string, channel: ServerChannel) =>
    runInShell(`${prefix}${command}${suffix}`, channel);
/** Runs the command with both outputs in one. */
const joined = (command: string, channel: ServerChannel) =>
  runProgram(["sh", "-c", 'exec sh -c "$1" 2>&1', "sh", command], channel);

describe("runScript", () => {
  let ssh: SshConnection;
  beforeAll(async () => {
    ssh = await connect(host.connection(), testContext());
  });
  afterAll(() => ssh.end());

  it.each<[string, string, Partial<FiniteScript>, string]>([
    ["no output", "true", {}, ""],
    ["output without a final newline", "printf a", {}, "a"],
    ["arguments", 'printf "%s|" "$@"', { args: ["a b", "", "'$x'\n"] }, "a b||'$x'\n|"],
    ["variables", 'printf %s "$A"', { env: { A: "it's\nhere" } }, "it's\nhere"],
    ["an empty standard input", "cat", {}, ""],
    ["a text on standard input", "cat", { stdin: "ä\n" }, "ä\n"],
    ["bytes on standard input", "od -An -tx1 | tr -d ' '", { stdin: Buffer.of(0, 255) }, "00ff\n"],
    ["a stream on standard input", "cat", { stdin: Readable.from(["a", "b"]) }, "ab"],
    ["output up to the limit", "printf abcd", { maxOutputBytes: 4 }, "abcd"],
    ["a time limit that is never reached", "echo a", { timeoutSeconds: 2 ** 31 }, "a\n"],
  ])("runs a script with %s", async (_, script, changes, output) => {
    expect((await run(ssh, script, changes)).stdout.toString()).toBe(output);
  });

  it("returns the last lines of standard error, and passes each on", async () => {
    const lines: string[] = [];
    const onStderrLine = (line: string) => void lines.push(line);
    const { stderrTail } = await run(ssh, "echo a >&2; printf b >&2; echo c >&2", { onStderrLine });
    expect([stderrTail, lines]).toEqual(["a\nbc", ["a", "bc"]]);
  });

  it.each([
    ["its messages", "echo one >&2; echo two >&2; exit 3", "one\ntwo", 3, "one\ntwo"],
    ["its exit code", "exit 3", "it failed with exit code: 3", 3, ""],
  ])("throws %s when a script fails", async (_, script, why, exitCode, stderrTail) => {
    const error = await failure(ssh, script);
    expect(error).toMatchObject({ reason: "exit-code", exitCode, stderrTail });
    expect(error.message).toBe(`cannot run the script on ${host.label}: ${why}`);
  });

  it("does not wait for a process that holds the channel open", async () => {
    const { stdout } = await run(ssh, "sleep 60 & echo $!");
    process.kill(Number(stdout.toString()), "SIGKILL");
  });

  it("ends a script that prints too much", async () => {
    expect(await failure(ssh, "printf abcde", { maxOutputBytes: 4 })).toMatchObject({
      reason: "too-much-output",
      message: `cannot run the script on ${host.label}: it printed more than 4 bytes`,
    });
  });

  it("says that a script took too long, also of one that then ends well or fails", async () => {
    for (const script of ["sleep 60", "trap 'exit 7' TERM; sleep 60 & wait"]) {
      expect(await failure(ssh, script, { timeoutSeconds: 0.3 })).toMatchObject({
        reason: "timeout",
        message: `cannot run the script on ${host.label}: it did not finish within 0.3 s and was ended`,
      });
    }
    expect(
      (await run(ssh, "trap 'exit 0' TERM; sleep 60 & wait", { timeoutSeconds: 0.3 })).stdout.toString(),
    ).toBe("");
  });

  it("says that standard input could not be read", async () => {
    const stdin = new Readable({ read: () => void stdin.destroy(new Error("by the test")) });
    expect(await failure(ssh, "cat", { stdin })).toMatchObject({
      reason: "input",
      message: `cannot run the script on ${host.label}: what was to be sent could not be read`,
      cause: { message: "by the test" },
    });
  });

  it("reads the boot id", async () => {
    expect(await readBootId(ssh, 20)).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe("a host that runs commands in its own way", () => {
  it.each<[string, NonNullable<Behaviour["exec"]>]>([
    ["prints before and after", inShell("echo Welcome; echo Hello >&2; ", "; echo Bye")],
    ["joins the outputs", joined],
    ["starts another shell first", inShell("sh; ")],
    ["reads the first line", inShell("IFS= read -r line; ")],
  ])("%s: the output and the exit code are right", async (_, exec) => {
    const ssh = await login({ exec });
    const { stdout, stderrTail } = await run(ssh, "echo out; echo err >&2");
    expect([stdout.toString(), stderrTail]).toEqual(["out\n", "err"]);
    expect(await failure(ssh, "echo no >&2; exit 3")).toMatchObject({
      reason: "exit-code",
      exitCode: 3,
      stderrTail: "no",
    });
  });

  it.each<[string, NonNullable<Behaviour["exec"]>, string]>([
    [
      "runs nothing",
      (_, channel) => {
        channel.exit(0);
        channel.end();
      },
      "bob cannot run commands there: exit code 0",
    ],
    ["kills it", inShell("kill -KILL $$; "), "bob cannot run commands there: killed by SIGKILL"],
    [
      "runs something else",
      inShell("echo out; echo err >&2; exit 5; "),
      "bob cannot run commands there: out / err (exit code 5)",
    ],
    [
      "closes the channel without a word",
      (_, channel) => channel.close(),
      "bob cannot run commands there: the channel was closed",
    ],
    [
      "has a terminal",
      (command, channel) => runProgram(["script", "-qec", command, "/dev/null"], channel),
      "the host runs commands in a terminal, which changes what is sent",
    ],
    [
      "prints too much",
      inShell("head -c 200000 /dev/zero | tr '\\0' x; "),
      `the host did not run it and printed too much: ${"x".repeat(500)} … (the channel was closed)`,
    ],
  ])("%s: an error says so", async (_, exec, why) => {
    const error = await failure(await login({ exec }), "echo a");
    expect(error.message).toBe(`cannot run the script on ${host.label}: ${why}`);
    expect(error.reason).toBe("not-run");
  });

  it("says nothing within the time", async () => {
    const ssh = await login({ exec: () => {} }, undefined, 0.5);
    for (const timeoutSeconds of [0.1, 0.6]) {
      expect(await failure(ssh, "echo a", { timeoutSeconds })).toMatchObject({
        reason: "not-run",
        message:
          `cannot run the script on ${host.label}: bob cannot run commands there: ` +
          `nothing within ${Math.max(0.5, timeoutSeconds)} s`,
      });
    }
  });

  it("refuses sessions for a while", async () => {
    let requests = 0;
    const ssh = await login({ session: (accept, reject) => ((requests += 1) < 3 ? reject() : accept()) });
    expect((await run(ssh, "echo a")).stdout.toString()).toBe("a\n");
    expect(requests).toBe(3);
  });

  it("refuses all sessions", async () => {
    const ssh = await login({ session: (_, reject) => reject() }, undefined, 0.5);
    expect(await failure(ssh, "echo a")).toMatchObject({
      reason: "lost",
      message: `cannot run the script on ${host.label}`,
      cause: {
        message: `cannot start a command on ${host.label}`,
        hint: "sshd may allow too few sessions a connection (MaxSessions).",
      },
    });
  });

  it("does not answer the request for a session", async () => {
    const ssh = await login({ session: () => {} }, undefined, 0.5);
    const error = await failure(ssh, "echo a");
    expect(error.cause).toMatchObject({
      message: `cannot start a command on ${host.label}`,
      cause: { message: "no answer within 0.5 s" },
      hint: undefined,
    });
  });
});

describe("a connection that is lost", () => {
  it("before a script says so", async () => {
    const ssh = await login();
    host.cut();
    await once(ssh.link.client, "close");
    expect(await failure(ssh, "echo a")).toMatchObject({
      reason: "lost",
      cause: { message: `cannot start a command on ${host.label}`, hint: undefined },
    });
  });

  it.each<[string, NonNullable<Behaviour["exec"]>]>([
    ["while a script runs", runInShell],
    ["before a script runs", () => host.cut()],
  ])("%s says that the end is not known", async (_, exec) => {
    const ssh = await login({ exec });
    expect(await failure(ssh, "echo a >&2; sleep 60", { onStderrLine: () => host.cut() })).toMatchObject({
      reason: "lost",
      message: `cannot run the script on ${host.label}: the connection was lost while a command ran`,
      hint: "Whether the command finished is not known.",
    });
  });

  it("by the host alone, which closes the channel while the script runs", async () => {
    let close = () => {};
    const exec = (command: string, channel: ServerChannel) => {
      close = () => channel.close();
      runInShell(command, channel);
    };
    const ssh = await login({ exec });
    expect(await failure(ssh, "echo a >&2; sleep 1", { onStderrLine: () => close() })).toMatchObject({
      reason: "lost",
      cause: { message: "the host closed it and gave no reason" },
    });
  });

  it("by the signal says that it was interrupted", async () => {
    const controller = new AbortController();
    const ssh = await login({}, controller.signal);
    const reason = new Error("by the test");
    const onStderrLine = () => controller.abort(reason);
    expect(await failure(ssh, "echo a >&2; sleep 60", { onStderrLine })).toMatchObject({
      reason: "interrupted",
      message: `cannot run the script on ${host.label}: it was interrupted`,
      cause: reason,
    });
    expect(await failure(ssh, "echo a")).toMatchObject({
      reason: "interrupted",
      message: `cannot run the script on ${host.label}: it was interrupted`,
    });
  });
});

describe("openScript", () => {
  it.each<[string, NonNullable<Behaviour["exec"]>]>([
    ["as it is", runInShell],
    ["that says more", inShell("echo Welcome; ")],
    ["that joins the outputs", joined],
  ])("carries only the input and output of the script, on a host %s", async (_, exec) => {
    const ssh = await login({ exec });
    const stream = await openScript(ssh, options("printf begin; cat; echo err >&2", {}));
    stream.end(" input");
    expect(await text(stream)).toBe("begin input");
  });

  it("fails when the host does not run it", async () => {
    const ssh = await login({ exec: inShell("exit 5; ") });
    await expect(openScript(ssh, options("cat", {}))).rejects.toMatchObject({
      reason: "not-run",
      message: `cannot run the script on ${host.label}: bob cannot run commands there: exit code 5`,
    });
  });
});
