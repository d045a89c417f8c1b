import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { describeError } from "@nixops4-providers/provider-sdk";
import { startSshLab, type SshLab, TcpProxy, timeSince } from "@nixops4-providers/test-servers";
import { connect, openScript, type ScriptError, type SshConnection } from "../src/index.ts";
import { connectionTo, describeWithSshd, eventually, printed, sh } from "./lab.ts";
import { testContext } from "./test-context.ts";

const MIB = 1024 * 1024;

function isRunning(marker: string): boolean {
  return execFileSync("ps", ["-eo", "args"], { encoding: "utf8" }).includes(marker);
}

const failureOf = (promise: Promise<unknown>): Promise<ScriptError> =>
  promise.then(
    () => Promise.reject(new Error("it did not fail")),
    (error: ScriptError) => error,
  );

describeWithSshd("running scripts", () => {
  let lab: SshLab;
  let ssh: SshConnection;

  beforeAll(async () => {
    lab = await startSshLab();
    ssh = await connect(connectionTo(lab), testContext());
  });
  afterAll(async () => {
    ssh.end();
    await lab.stop();
  });

  it("returns the output and the last lines of standard error", async () => {
    const lines: string[] = [];
    const onStderrLine = (line: string) => void lines.push(line);
    const result = await sh(ssh, "cat; echo one >&2; echo two >&2", { stdin: "in\0put", onStderrLine });
    expect(result).toEqual({ stdout: Buffer.from("in\0put"), stderrTail: "one\ntwo" });
    expect(lines).toEqual(["one", "two"]);
  });

  it("passes arguments and variables on exactly, and all of the input", async () => {
    const hard = ["", "it's", "two\nlines\n", "\n", '\\n $HOME `id` "', "ä€😀", "*", " spaces "];
    const env = Object.fromEntries(hard.map((value, index) => [`V${index}`, value]));
    const names = Object.keys(env).map((name) => `"$${name}"`);
    const script = `printf '%s\\0' "$@" ${names.join(" ")}; cat`;
    const output = await printed(ssh, script, { args: hard, env, stdin: "first\nsecond\n" });
    expect(output.split("\0")).toEqual([...hard, ...hard, "first\nsecond\n"]);
  });

  it("sets no other variables than those, and adds to the PATH", async () => {
    const environment = async (options: object) =>
      (await printed(ssh, "exec env", options)).split("\n").filter((line) => !/^(_|SHLVL|PATH)=/.test(line));
    const bare = execFileSync("ssh", sshArguments("env"), { encoding: "utf8" }).split("\n");
    const plain = bare.filter((line) => !/^(_|SHLVL|PATH|SSH_CLIENT|SSH_CONNECTION)=/.test(line)).toSorted();
    const seen = (await environment({ env: { A: "x" } }))
      .filter((line) => !line.startsWith("SSH_C"))
      .toSorted();
    expect(seen).toEqual([...plain, "A=x"].toSorted());
    expect(await printed(ssh, 'echo "$PATH"')).toMatch(
      /^.*:\/run\/current-system\/sw\/bin:.*:\/sbin:\/bin:\/\S+\/\.nix-profile\/bin:\/\S+\/nix\/profile\/bin\n$/,
    );
  });

  it("adds nothing to the output, and puts nothing on command lines of the host", async () => {
    const options = { env: { SECRET: "tell-no-one" }, stdin: "nor-this" };
    const output = await printed(ssh, "ps -eww -o args; echo =$SECRET=$0=$#=", options);
    const [processes, ...rest] = output.split("\n=");
    expect(rest).toEqual(["tell-no-one=sh=0=\n"]);
    expect(processes).toContain("ps -eww -o args");
    expect(processes).not.toMatch(/tell-no-one|nor-this/);
  });

  it("fails on an exit code, with the last lines of standard error", async () => {
    const failure = await failureOf(sh(ssh, "echo why >&2; exit 3"));
    expect(failure).toMatchObject({ reason: "exit-code", exitCode: 3, stderrTail: "why" });
    expect(failure.message).toBe(`cannot run the test's script on ${ssh.label}: why`);
    expect((await failureOf(sh(ssh, "exit 3"))).message).toContain("failed with exit code: 3");
  });

  it("keeps the exit code of a script that closes its output early", async () => {
    expect(await failureOf(sh(ssh, "exec >&- 2>&-; sleep 0.3; exit 3"))).toMatchObject({ exitCode: 3 });
  });

  it("never misses an exit code, however soon it comes", async () => {
    for (let code = 1; code <= 30; code += 1)
      expect(await failureOf(sh(ssh, `exit ${code}`))).toMatchObject({ exitCode: code });
  });

  it("fails when the script is killed", async () => {
    expect(await failureOf(sh(ssh, "kill -9 $$"))).toMatchObject({ reason: "exit-code", exitCode: 137 });
  });

  it("does not wait for processes that the script leaves running", async () => {
    const started = Date.now();
    expect(await printed(ssh, "sleep 4141 & echo done")).toBe("done\n");
    expect(await timeSince(started)).toBeLessThan(3_000);
    await printed(ssh, "pkill -f '^sleep 4141'");
  });

  it("ends a script and its children after timeoutSeconds, and says so", async () => {
    const slow = sh(ssh, "sleep 4242 | cat; true", { timeoutSeconds: 3 });
    await eventually(() => isRunning("sleep 4242"));
    const failure = await failureOf(slow);
    expect(failure).toMatchObject({ reason: "timeout" });
    expect(failure.message).toContain("did not finish within 3 s and was ended");
    await eventually(() => !isRunning("sleep 4242"));
  });

  it("kills a script that ignores SIGTERM", async () => {
    const stubborn = "trap '' TERM; exec 8</dev/null; while :; do sleep 0.1234; done";
    expect((await failureOf(sh(ssh, stubborn, { timeoutSeconds: 0.3 }))).message).toContain(
      "did not finish within 0.3 s and was ended",
    );
    await eventually(() => !isRunning("sleep 0.1234"));
  });

  it("ends the script when the context is interrupted", async () => {
    const abort = new AbortController();
    const other = await connect(connectionTo(lab), testContext(abort.signal));
    const slow = failureOf(sh(other, "trap '' HUP PIPE; sleep 4343; sleep 4343"));
    await eventually(() => isRunning("sleep 4343"));
    abort.abort(new Error("by the test"));
    expect(await slow).toMatchObject({ reason: "interrupted" });
    await eventually(() => !isRunning("sleep 4343"));
    expect(await failureOf(sh(other, "true"))).toMatchObject({ reason: "interrupted" });
  });

  it("limits what a script may print, with a limit that is on by default", async () => {
    const flood = await failureOf(sh(ssh, "yes flooding", { maxOutputBytes: MIB }));
    expect(flood).toMatchObject({ reason: "too-much-output" });
    expect(flood.message).toContain(`printed more than ${MIB} bytes`);
    await eventually(() => !isRunning("yes flooding"));
    expect(await failureOf(sh(ssh, "yes flooding"))).toMatchObject({ reason: "too-much-output" });
  });

  it("moves 50 MiB both ways at once", async () => {
    const data = Buffer.alloc(50 * MIB, "0123456789abcdef\n");
    const { stdout } = await sh(ssh, "cat", { stdin: data });
    expect(stdout.equals(data)).toBe(true);
  });

  it("does not wait for a script that leaves its input unread", async () => {
    expect(await failureOf(sh(ssh, "exit 4", { stdin: Buffer.alloc(50 * MIB) }))).toMatchObject({
      exitCode: 4,
    });
  });

  it("runs several scripts at once", async () => {
    const runs = [1, 2, 3, 4, 5].map((number) => printed(ssh, `sleep 0.3; echo ${number}`));
    expect(await Promise.all(runs)).toEqual(["1\n", "2\n", "3\n", "4\n", "5\n"]);
  });

  it("returns the stream of a script that keeps running", async () => {
    const script = 'read -r line; echo "got $line"; cat';
    const stream = await openScript(ssh, { script, timeoutSeconds: 20, doing: "talk" });
    stream.end("hello\nand more");
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString()).toBe("got hello\nand more");
  });

  function sshArguments(command: string): string[] {
    const { userKey, sshd, folder } = lab;
    const options = ["StrictHostKeyChecking=no", `UserKnownHostsFile=${folder}/known`, "LogLevel=ERROR"];
    return [
      ...options.flatMap((option) => ["-o", option]),
      "-i",
      userKey.file,
      "-p",
      String(sshd.port),
      `${sshd.user}@127.0.0.1`,
      command,
    ];
  }
});

describeWithSshd("a host that does not run the scripts", () => {
  let lab: SshLab;
  beforeAll(async () => {
    lab = await startSshLab();
    // sshd can be reloaded as soon as it accepts connections.
    (await connect(connectionTo(lab), testContext())).end();
  });
  afterAll(() => lab.stop());

  it.each([
    ["says why not", "echo not here >&2; exit 1", /cannot run commands there: not here \(exit code 1\)/],
    ["does nothing", "/bin/true", /cannot run commands there: exit code 0/],
    [
      "tells to log in as another user",
      `echo 'Please login as the user "ubuntu"'`,
      /Please login as the user "ubuntu"/,
    ],
    ["says more than anybody reads", "yes", /printed too much: y/],
    ["sends back what it is sent", "cat", /did not run|cannot run commands there/],
    ["runs it in a terminal", 'script -qc "$SSH_ORIGINAL_COMMAND" /dev/null', /in a terminal/],
  ])("%s: that is an error, and nothing is sent to it", async (_, force, message) => {
    await lab.sshd.reload({ extraConfig: [`ForceCommand ${force}`] });
    const ssh = await connect(connectionTo(lab, { connectTimeoutSeconds: 2 }), testContext());
    const failure = await failureOf(sh(ssh, "echo ran", { stdin: "a secret", timeoutSeconds: 2 }));
    expect(failure).toMatchObject({ reason: "not-run" });
    expect(failure.message).toMatch(message);
    expect(failure.message).not.toMatch(/secret|nixops4/);
    ssh.end();
  });

  it.each([
    ["1", 1],
    ["2", 2],
  ])("with MaxSessions %s, scripts at the same time wait for each other", async (_, sessions) => {
    await lab.sshd.reload({ extraConfig: [`MaxSessions ${sessions}`] });
    const ssh = await connect(connectionTo(lab), testContext());
    const runs = [1, 2, 3, 4].map((number) => printed(ssh, `sleep 0.1; echo ${number}`));
    expect(await Promise.all(runs)).toEqual(["1\n", "2\n", "3\n", "4\n"]);
    ssh.end();
  });
});

describeWithSshd("a connection that breaks", () => {
  let lab: SshLab;
  let proxy: TcpProxy;

  beforeAll(async () => {
    lab = await startSshLab();
    proxy = await TcpProxy.start(lab.sshd.port);
  });
  afterAll(async () => {
    await proxy.stop();
    await lab.stop();
  });

  it("is an error in the middle of a script, never a success, and ends it on the host", async () => {
    const ssh = await connect(connectionTo(lab, { port: proxy.port }), testContext());
    const running = sh(ssh, "trap '' HUP PIPE; echo started >&2; sleep 4545; sleep 4545", {
      onStderrLine: () => proxy.cut(),
    });
    const error: unknown = await running.catch((reason: unknown) => reason);
    expect(describeError(error)).toContain("was lost while a command ran");
    expect(describeError(error)).toContain("Whether the command finished is not known.");
    await expect(sh(ssh, "true")).rejects.toThrow("cannot run the test's script");
    await eventually(() => !isRunning("sleep 4545"));
    ssh.end();
  });

  it("is noticed when the host no longer answers", async () => {
    const ssh = await connect(connectionTo(lab, { port: proxy.port }), testContext());
    const started = Date.now();
    const running = sh(ssh, "echo started >&2; sleep 60", {
      timeoutSeconds: 60,
      onStderrLine: () => proxy.freeze(),
    });
    const error: unknown = await running.catch((reason: unknown) => reason);
    expect(describeError(error)).toMatch(/was lost while a command ran: it has not answered for 20 s/);
    expect(await timeSince(started)).toBeLessThan(25_000);
    ssh.end();
  }, 40_000);
});
