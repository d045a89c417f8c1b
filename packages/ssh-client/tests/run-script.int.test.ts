import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { describeError } from "@nixops4-providers/provider-sdk";
import { startSshLab, type SshLab, TcpProxy } from "@nixops4-providers/test-servers";
import { connect, RemoteCommandError, type SshConnection } from "../src/index.ts";
import { connectionTo, describeWithSshd, eventually } from "./lab.ts";
import { testContext } from "./test-context.ts";

const MIB = 1024 * 1024;

function isRunning(marker: string): boolean {
  return execFileSync("ps", ["-eo", "args"], { encoding: "utf8" }).includes(marker);
}

describeWithSshd("running commands", () => {
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

  it("returns the output, the exit code and the last lines of standard error", async () => {
    const lines: string[] = [];
    const onStderrLine = (line: string) => void lines.push(line);
    const result = await ssh.exec("cat; echo one >&2; echo two >&2; exit 3", {
      stdin: "in\0put",
      onStderrLine,
    });
    expect(result).toEqual({ exitCode: 3, stdout: Buffer.from("in\0put"), stderrTail: "one\ntwo" });
    expect(lines).toEqual(["one", "two"]);
  });

  it("makes an error of an exit code, with the last lines of standard error", async () => {
    const failed = ssh.run("echo why >&2; exit 3");
    await expect(failed).rejects.toBeInstanceOf(RemoteCommandError);
    await expect(failed).rejects.toThrow(/failed with exit code: 3\n.*\n {2}why/);
  });

  it("keeps the exit code of a command that closes its output early", async () => {
    expect((await ssh.exec("exec >&- 2>&-; sleep 0.3; exit 3")).exitCode).toBe(3);
  });

  it("never misses an exit code, however soon it comes", async () => {
    const codes = Array.from({ length: 30 }, (_, index) => index + 1);
    for (const code of codes) expect((await ssh.exec(`exit ${code}`)).exitCode).toBe(code);
  });

  it("throws when the command is killed", async () => {
    await expect(ssh.exec("kill -9 $$")).rejects.toThrow("was killed by SIGKILL");
  });

  it("ends a command and its children after timeoutSeconds", async () => {
    const started = Date.now();
    const slow = ssh.exec("sleep 4242 | cat; true", { timeoutSeconds: 0.5 });
    await eventually(() => isRunning("sleep 4242"));
    await expect(slow).rejects.toThrow("did not finish within 0.5 s and was ended");
    expect(Date.now() - started).toBeLessThan(2_500);
    await eventually(() => !isRunning("sleep 4242"));
  });

  it("kills a command that ignores SIGTERM", async () => {
    const stubborn = ssh.exec("trap '' TERM; while :; do sleep 0.1; done # stubborn", {
      timeoutSeconds: 0.3,
    });
    await expect(stubborn).rejects.toThrow("did not finish within 0.3 s");
    await eventually(() => !isRunning("# stubborn"));
  });

  it("ends a command when it is interrupted", async () => {
    const abort = new AbortController();
    const slow = ssh.exec("sleep 4343", { signal: abort.signal });
    await eventually(() => isRunning("sleep 4343"));
    abort.abort(new Error("by the test"));
    await expect(slow).rejects.toThrow("was interrupted");
    await eventually(() => !isRunning("sleep 4343"));
  });

  it("ends a command that prints more than it may", async () => {
    const flood = ssh.exec("yes flooding", { maxOutputBytes: MIB });
    await expect(flood).rejects.toThrow(`printed more than ${MIB} bytes`);
    await eventually(() => !isRunning("yes flooding"));
  });

  it("moves 100 MiB both ways at once", async () => {
    const data = Buffer.alloc(100 * MIB, "0123456789abcdef\n");
    const started = Date.now();
    const { stdout } = await ssh.run("cat", { stdin: data });
    expect(stdout.equals(data)).toBe(true);
    expect(Date.now() - started).toBeLessThan(15_000);
  });

  it("does not wait for a command that leaves its input unread", async () => {
    const { exitCode } = await ssh.exec("exit 4", { stdin: Buffer.alloc(100 * MIB) });
    expect(exitCode).toBe(4);
  });

  it("runs several commands at once", async () => {
    const runs = [1, 2, 3, 4, 5].map(async (number) =>
      (await ssh.run(`sleep 0.3; echo ${number}`)).stdout.toString(),
    );
    expect(await Promise.all(runs)).toEqual(["1\n", "2\n", "3\n", "4\n", "5\n"]);
  });

  it("says when the user may not run commands", async () => {
    await lab.sshd.reload({ extraConfig: ["ForceCommand echo not here >&2; exit 1"] });
    const forced = await connect(connectionTo(lab), testContext());
    await expect(forced.exec("true")).rejects.toThrow(/cannot run commands on .*: not here/);
    forced.end();
    await lab.sshd.reload({ extraConfig: [] });
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

  it("is an error in the middle of a command, never a success", async () => {
    const ssh = await connect(connectionTo(lab, { port: proxy.port }), testContext());
    const running = ssh.exec("echo started >&2; sleep 1", { onStderrLine: () => proxy.cut() });
    const error: unknown = await running.catch((reason: unknown) => reason);
    expect(describeError(error)).toContain("was lost while a command ran");
    expect(describeError(error)).toContain("Whether the command finished is not known.");
    await expect(ssh.exec("true")).rejects.toThrow("cannot start a command");
    ssh.end();
  });

  it("is noticed when the host no longer answers", async () => {
    const ssh = await connect(connectionTo(lab, { port: proxy.port }), testContext());
    const started = Date.now();
    const running = ssh.exec("echo started >&2; sleep 60", { onStderrLine: () => proxy.freeze() });
    const error: unknown = await running.catch((reason: unknown) => reason);
    expect(describeError(error)).toMatch(/was lost while a command ran: it has not answered for 20 s/);
    expect(Date.now() - started).toBeLessThan(25_000);
    ssh.end();
  }, 40_000);
});
