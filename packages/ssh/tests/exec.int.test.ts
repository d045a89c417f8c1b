import { execFileSync } from "node:child_process";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { startSshLab, type SshLab, TcpProxy, timeSince } from "@nixops4-providers/test-servers";
import { commandLines, create, describeWithSshd, eventually, start, update } from "./lab.ts";

describeWithSshd("ssh.exec", () => {
  let lab: SshLab;
  beforeAll(async () => void (lab = await startSshLab()));
  afterAll(() => lab.stop());

  const exec = (inputs: object, isStateful = false) =>
    create("exec", { connection: lab.connection, ...inputs }, isStateful);

  it("runs a command in sh, with input and environment", async () => {
    const env = { ONE: "it's one", TWO: "two\nlines" };
    const { outputs, stderr } = await exec({
      command: 'echo "$ONE/$TWO"; cat; echo log >&2',
      env,
      stdin: "in\nput",
    });
    expect(outputs).toEqual({ stdout: "it's one/two\nlines\nin\nput", json: null });
    expect(stderr).toContain("\nlog\n");
  });

  it("runs a program with exact arguments", async () => {
    const { outputs } = await exec({ argv: ["printf", "[%s]", "a b", "$HOME", "", "x\ny", "'"] });
    expect(outputs["stdout"]).toBe("[a b][$HOME][][x\ny][']");
  });

  it("wants a command or arguments, not both", async () => {
    for (const inputs of [{}, { command: "true", argv: ["true"] }]) {
      expect((await exec(inputs)).error).toContain("exactly one of command and argv is required");
    }
    expect((await exec({ command: "true", env: { "A-B": "" } })).error).toContain("env.A-B: is not the name");
  });

  it("keeps the values of variables off every command line", async () => {
    const { outputs } = await exec({
      command: "ps -eww -o args; echo =$SECRET=",
      env: { SECRET: "tell-no-one" },
    });
    const [processes, value] = String(outputs["stdout"]).split("\n=");
    expect(value === "tell-no-one=\n").toBe(true);
    expect(processes?.includes("ps -eww -o args")).toBe(true);
    expect(processes?.includes("tell-no-one")).toBe(false);
  });

  it("fails with the exit code and the last lines of standard error", async () => {
    const { error } = await exec({ command: "echo because >&2; exit 9" });
    expect(error).toMatch(/failed with exit code: 9\n.*\n {2}because/);
  });

  it("refuses a path on the host that a shell would have expanded", async () => {
    expect((await exec({ command: "true", creates: "~/done" })).error).toContain(
      "creates: must not begin with `~`, which is not expanded: write the whole path",
    );
    expect((await exec({ command: "true", creates: "" })).error).toContain("creates: must not be empty");
  });

  it("is skipped by creates and unless", async () => {
    const skipped = { stdout: "", json: null };
    expect((await exec({ command: "echo ran", creates: lab.folder })).outputs).toEqual(skipped);
    expect((await exec({ command: "echo ran", unless: "true" })).outputs).toEqual(skipped);
    const ran = await exec({ command: "echo ran", creates: `${lab.folder}/none`, unless: "exit 3" });
    expect(ran.outputs).toEqual({ stdout: "ran\n", json: null });
    const json = await exec({ command: "echo ran", unless: "true", parseJson: true });
    expect(json.outputs).toEqual({ stdout: "", json: null });
    const inputs = { connection: lab.connection, command: "echo ran", unless: "true" };
    expect(await update("exec", inputs, { stdout: "before\n" })).toEqual({ stdout: "before\n", json: null });
  });

  it("runs once where there is state", async () => {
    const inputs = { connection: lab.connection, command: "echo ran", once: true };
    expect((await create("exec", inputs)).error).toContain(
      "exec resource with once=true requires state (use isStateful)",
    );
    expect((await create("exec", inputs, true)).outputs).toEqual({ stdout: "ran\n", json: null });
    expect(await update("exec", inputs, { stdout: "first\n" })).toEqual({ stdout: "first\n", json: null });
    expect(await update("exec", { ...inputs, once: false }, { stdout: "first\n" })).toEqual({
      stdout: "ran\n",
      json: null,
    });
  });

  it("parses JSON, and does not quote invalid output", async () => {
    const { outputs } = await exec({ command: "echo '{\"a\": [1]}'", parseJson: true });
    expect(outputs).toEqual({ stdout: '{"a": [1]}\n', json: { a: [1] } });
    expect((await exec({ command: "true", parseJson: true })).outputs).toEqual({ stdout: "", json: null });
    const { error } = await exec({ command: "echo hunter2", parseJson: true });
    expect(error).toContain("8 characters that are not JSON");
    expect(error).not.toContain("hunter2");
  });

  it("refuses output that is not UTF-8", async () => {
    expect((await exec({ command: "printf '\\377'" })).error).toContain("bytes that are not UTF-8");
  });

  it("ends the command after timeoutSeconds", async () => {
    const { error } = await exec({ command: "sleep 5151", timeoutSeconds: 0.5 });
    expect(error).toContain("did not finish within 0.5 s and was ended");
    await eventually(() => !commandLines().includes("sleep 5151"));
  });

  it("ends the command within 2 s of SIGTERM", async () => {
    const provider = start();
    const request = provider.create("exec", {
      connection: lab.connection,
      command: "echo up >&2; sleep 5252",
    });
    const failed = expect(request).rejects.toThrow(/was interrupted: interrupted by SIGTERM/);
    await eventually(() => provider.stderr.includes("\nup\n"));
    const started = Date.now();
    await provider.kill("SIGTERM");
    expect(await timeSince(started)).toBeLessThan(2_000);
    await failed;
    await eventually(() => !commandLines().includes("sleep 5252"));
  });

  it("fails when the connection breaks", async () => {
    const proxy = await TcpProxy.start(lab.sshd.port);
    const provider = start();
    const connection = { ...lab.connection, port: proxy.port };
    const request = provider.create("exec", { connection, command: "echo up >&2; sleep 1" });
    const failed = expect(request).rejects.toThrow("was lost while a command ran");
    await eventually(() => provider.stderr.includes("\nup\n"));
    proxy.cut();
    await failed;
    await provider.close();
    await proxy.stop();
  });
});

const hasSudo = execFileSync("sh", ["-c", "command -v sudo || true"], { encoding: "utf8" }) !== "";

(hasSudo ? describeWithSshd : describe.skip)(
  `ssh.exec with sudo${hasSudo ? "" : " (skipped: sudo was not found)"}`,
  () => {
    let lab: SshLab;
    beforeAll(async () => void (lab = await startSshLab()));
    afterAll(() => lab.stop());

    it("runs as root, with input and environment", async () => {
      const inputs = { connection: lab.connection, command: 'id -u; echo "$A"; cat', sudo: true };
      const { outputs } = await create("exec", { ...inputs, env: { A: "a" }, stdin: "in" });
      expect(outputs["stdout"]).toBe("0\na\nin");
    });

    it("ends the command after timeoutSeconds", async () => {
      const inputs = { connection: lab.connection, command: "sleep 5353", sudo: true, timeoutSeconds: 1 };
      expect((await create("exec", inputs)).error).toContain("did not finish within 1 s");
      await eventually(() => !commandLines().includes("sleep 5353"));
    });
  },
);

describeWithSshd("ssh.exec with a sudo that wants a password", () => {
  it("says so", async () => {
    const lab = await startSshLab();
    // A stand-in for sudo, since the real one allows everything to root.
    const bin = join(lab.folder, "bin");
    await mkdir(bin);
    await writeFile(join(bin, "sudo"), "#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n");
    await chmod(join(bin, "sudo"), 0o755);
    await lab.sshd.reload({ extraConfig: [`SetEnv PATH=${bin}:/usr/bin:/bin`] });
    const { error } = await create("exec", { connection: lab.connection, command: "id", sudo: true });
    expect(error).toContain(`cannot run the command on 127.0.0.1:${lab.sshd.port}: `);
    expect(error).toContain(`sudo did not run the command of ${lab.sshd.user}: `);
    expect(error).toContain("sudo: a password is required");
    expect(error).toContain("NOPASSWD");
    await lab.stop();
  });
});
