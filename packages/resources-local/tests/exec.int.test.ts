import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:fs";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { builtProvider, ProviderProcess, timeSince } from "@nixops4-providers/e2e";
import { runProcess } from "@nixops4-providers/provider-sdk";

const MIB = 1024 * 1024;
let folder: string;
let provider: ProviderProcess;

beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), "exec-"));
  provider = new ProviderProcess(builtProvider("local"), { onStderr: () => {} });
});
afterEach(async () => {
  await provider.kill("SIGKILL");
  await fs.rm(folder, { recursive: true });
});

function sh(script: string, inputs: object = {}, isStateful = false) {
  return provider.create("exec", { executable: "sh", args: ["-c", script], ...inputs }, isStateful);
}
/** Returns the processes that have a mark in their environment. */
async function marked(mark: string): Promise<string[]> {
  const pids = (await fs.readdir("/proc")).filter((entry) => /^\d+$/.test(entry));
  const environs = await Promise.all(
    pids.map((pid) => fs.readFile(`/proc/${pid}/environ`, "utf8").catch(() => "")),
  );
  return pids.filter((_, index) => environs[index]!.includes(mark));
}

describe("exec", () => {
  it("leaves nixops4's standard error blocking", async () => {
    await runProcess("mkfifo", [join(folder, "log")]);
    const log = await fs.open(join(folder, "log"), "r+");
    const child = spawn(builtProvider("local"), { stdio: ["pipe", "pipe", log.fd] });
    const ended = once(child, "exit");
    const inputProperties = { executable: "sh", args: ["-c", "echo logged >&2; cat"], stdin: "text" };
    const request = { createResourceRequest: { type: "exec", inputProperties, isStateful: false } };
    child.stdin!.write(`${JSON.stringify(request)}\n`);
    await once(child.stdout!, "data");
    // Node restores the flags when it exits. They belong to the open file, which both processes share.
    const info = await fs.readFile(`/proc/self/fdinfo/${log.fd}`, "latin1");
    child.stdin!.end();
    await ended;
    await log.close();
    const flags = Number.parseInt(/^flags:\s*(\d+)/m.exec(info)?.[1] ?? "", 8);
    expect(flags & (constants.O_RDWR | constants.O_NONBLOCK)).toBe(constants.O_RDWR);
  });

  it("returns what the program prints, with arguments and standard input as given", async () => {
    expect(await provider.create("exec", { executable: "echo", args: ["a b", "$HOME", "c'd"] })).toEqual({
      stdout: "a b $HOME c'd\n",
      json: null,
    });
    expect(await provider.create("exec", { executable: "cat", stdin: "grüße" })).toEqual({
      stdout: "grüße",
      json: null,
    });
    expect(await sh("cat")).toEqual({ stdout: "", json: null });
  });

  it.each([
    ["#!/bin/sh\r\necho hello\r\n", "has Windows line ends (CRLF)"],
    ["#!/nonexistent/bash -e\n", "the interpreter /nonexistent/bash, which "],
  ])("says what is wrong with a script that begins with %j", async (text, message) => {
    await fs.writeFile(join(folder, "a-script"), text, { mode: 0o755 });
    const path = `${folder}:${process.env["PATH"]}`;
    for (const [executable, inputs] of [
      [join(folder, "a-script"), {}],
      ["./a-script", { cwd: folder }],
      ["a-script", { env: { PATH: path } }],
    ] as const) {
      const failed = provider.create("exec", { executable, ...inputs });
      await expect(failed).rejects.toThrow(message);
      await expect(failed).rejects.toThrow(join(folder, "a-script"));
    }
  });

  it("says that a program of another system lacks its loader", async () => {
    const program = await fs.readFile("/bin/true");
    const at = program.indexOf("/lib64/ld-linux");
    program.write("/none0", at);
    await fs.writeFile(join(folder, "program"), program, { mode: 0o755 });
    await expect(provider.create("exec", { executable: join(folder, "program") })).rejects.toThrow(
      "exists, but the loader that it names does not",
    );
  });

  it("adds to the environment and changes the folder", async () => {
    const real = await fs.realpath(folder);
    expect(
      await sh('echo $GREETING; test -n "$PATH"; pwd', { env: { GREETING: "hi" }, cwd: folder }),
    ).toEqual({
      stdout: `hi\n${real}\n`,
      json: null,
    });
  });

  it("reports the exit code with the last lines of standard error, which it also shows as they come", async () => {
    const script = "for i in $(seq 100); do echo line $i >&2; done; exit 7";
    const error = await sh(script).catch((reason: Error) => reason.message);
    expect(error).toContain("Local resource process failed: sh failed with exit code: 7");
    expect(error).toContain("line 100");
    expect(error).toContain("line 81\n");
    expect(error).not.toContain("line 80\n");
    expect(provider.stderr).toContain("line 1\n");
  });

  it("reports the signal that ended the program", async () => {
    await expect(sh("kill -SEGV $$")).rejects.toThrow("sh was killed by SIGSEGV");
  });

  it("names a program or a folder that is not there", async () => {
    await expect(provider.create("exec", { executable: "no-such-program" })).rejects.toThrow(
      "cannot run no-such-program: spawn no-such-program ENOENT",
    );
    const missing = join(folder, "missing");
    await expect(sh("true", { cwd: missing })).rejects.toThrow(
      `cannot run sh: the folder to run it in, ${missing}, does not exist`,
    );
    await fs.writeFile(missing, "");
    await expect(sh("true", { cwd: missing })).rejects.toThrow(`${missing}, is not a folder`);
  });

  it("parses JSON on request, and does not quote what is not JSON", async () => {
    expect(await sh("echo '{\"a\": [1]}'", { parseJson: true })).toEqual({
      stdout: '{"a": [1]}\n',
      json: { a: [1] },
    });
    expect(await sh("true", { parseJson: true })).toEqual({ stdout: "", json: null });
    const error = await sh("echo s3cret", { parseJson: true }).catch((reason: Error) => reason.message);
    expect(error).toContain("sh printed 7 characters that are not JSON");
    expect(error).not.toContain("s3cret");
  });

  it("refuses output that is not UTF-8", async () => {
    await expect(sh("printf '\\377'")).rejects.toThrow("bytes that are not UTF-8");
  });

  it("ends the whole process group after timeoutSeconds, also one that ignores SIGTERM", async () => {
    const mark = `EXEC_TEST_MARK=${Math.random()}`;
    const env = Object.fromEntries([mark.split("=")]) as object;
    const started = Date.now();
    const work = sh("trap '' TERM; sleep 60 & sleep 60", { env, timeoutSeconds: 0.5 });
    await expect(work).rejects.toThrow("sh did not finish within 0.5 s and was ended");
    expect(await timeSince(started)).toBeLessThan(3_000);
    expect(await marked(mark)).toEqual([]);
  });

  it("ends what a program has left behind in its process group, though it ignores SIGTERM", async () => {
    const mark = `EXEC_TEST_MARK=${Math.random()}`;
    const env = Object.fromEntries([mark.split("=")]) as object;
    const work = sh("(trap '' TERM; exec sleep 60) >/dev/null 2>&1 & sleep 60", { env, timeoutSeconds: 0.5 });
    await expect(work).rejects.toThrow("sh did not finish within 0.5 s and was ended");
    // A process may still exist for a moment after its SIGKILL.
    for (let tries = 0; tries < 100 && (await marked(mark)).length > 0; tries += 1) await sleep(20);
    expect(await marked(mark)).toEqual([]);
  });

  it.each([
    ["ended", "exit 0"],
    ["not ended", "sleep 60"],
  ])(
    "holds timeoutSeconds while a process of another session keeps the output, the program having %s",
    async (_, then) => {
      const mark = `EXEC_TEST_MARK=${Math.random()}`;
      const env = Object.fromEntries([mark.split("=")]) as object;
      const started = Date.now();
      const work = sh(`setsid sleep 60 & ${then}`, { env, timeoutSeconds: 0.5 });
      await expect(work).rejects.toThrow("sh did not finish within 0.5 s and was ended");
      expect(await timeSince(started)).toBeLessThan(5_000);
      for (const pid of await marked(mark)) process.kill(Number(pid), "SIGKILL");
    },
  );

  it("takes a timeout that is longer than Node's longest", async () => {
    expect(await sh("echo", { timeoutSeconds: 1e9 })).toMatchObject({ stdout: "\n" });
  });

  it.each(["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const)(
    "ends the process group when the provider gets %s",
    async (signal) => {
      const mark = `EXEC_TEST_MARK=${Math.random()}`;
      const work = sh("trap '' TERM; sleep 60 & sleep 60", {
        env: Object.fromEntries([mark.split("=")]) as object,
      });
      const outcome = expect(work).rejects.toThrow(`interrupted by ${signal}`);
      while ((await marked(mark)).length === 0) await sleep(20);
      const started = Date.now();
      await provider.kill(signal);
      await outcome;
      expect(await timeSince(started)).toBeLessThan(2_500);
      expect(await marked(mark)).toEqual([]);
    },
  );

  it("waits for the same that a nixops4 that was killed has left at work", async () => {
    const script = `echo begun >>${folder}/log; sleep 2; echo done >>${folder}/log`;
    const inputProperties = { executable: "sh", args: ["-c", script] };
    const request = { createResourceRequest: { type: "exec", inputProperties, isStateful: false } };
    const nixops4 = spawn(
      process.execPath,
      [
        "--eval",
        `require("node:child_process").spawn(process.argv[1]).stdin.write(process.argv[2])`,
        builtProvider("local"),
        `${JSON.stringify(request)}\n`,
      ],
      { stdio: "ignore" },
    );
    const log = () => fs.readFile(join(folder, "log"), "utf8").catch(() => "");
    while ((await log()) === "") await sleep(20);
    nixops4.kill("SIGKILL");
    const other = new ProviderProcess(builtProvider("local"), { onStderr: () => {} });
    await Promise.all([sh(script), other.create("exec", { executable: "sh", args: ["-c", "true"] })]);
    expect(await log()).toBe("begun\ndone\nbegun\ndone\n");
    expect(provider.stderr).toMatch(/waiting for process \d+, which a nixops4 that has ended left at work/);
    expect(other.stderr).not.toContain("waiting");
    await other.close();
  });

  it("answers that there are no descriptors left to run a program", async () => {
    const errors = [];
    for (let limit = 20; limit <= 40; limit += 1) {
      const limited = new ProviderProcess("sh", {
        args: ["-c", `ulimit -n ${limit}; exec "$0"`, builtProvider("local")],
        onStderr: () => {},
      });
      errors.push(
        await limited.create("exec", { executable: "true" }).then(
          () => "",
          (error: Error) => error.message,
        ),
      );
      await limited.kill("SIGKILL");
    }
    const started = errors.filter((error) => !/was killed by|failed with exit code: \d/.test(error));
    expect(started.filter((error) => error !== "" && !error.includes("EMFILE"))).toEqual([]);
    expect(started.some((error) => error.includes("cannot run true: spawn true EMFILE"))).toBe(true);
    expect(errors.at(-1)).toBe("");
  }, 240_000);

  it("runs once with `once`, and needs state for it", async () => {
    const counter = join(folder, "counter");
    const script = `echo run >> ${counter}; wc -l < ${counter} | tr -d ' '`;
    await expect(sh(script, { once: true })).rejects.toThrow(
      "exec resource with once=true requires state (use isStateful)",
    );
    const outputs = await sh(script, { once: true, parseJson: true }, true);
    expect(outputs).toEqual({ stdout: "1\n", json: 1 });
    const inputs = { executable: "sh", args: ["-c", script] };
    const request = { previousInputs: inputs, previousOutputs: outputs };
    const again = { inputs: { ...inputs, once: true }, ...request };
    expect(await provider.update("exec", again)).toEqual({ stdout: "1\n", json: null });
    expect(await provider.update("exec", { inputs, ...request })).toEqual({ stdout: "2\n", json: null });
  });

  it("streams 30 MiB both ways through the protocol", async () => {
    const stdin = "0123456789abcde\n".repeat((30 * MIB) / 16);
    const { stdout } = await provider.create("exec", { executable: "cat", stdin });
    expect(stdout === stdin).toBe(true);
  });

  it("returns 100 MiB of output, and refuses more", async () => {
    const { stdout } = await sh(`head -c ${100 * MIB} /dev/zero | tr '\\0' x`);
    expect((stdout as string).length).toBe(100 * MIB);
    await expect(sh("yes")).rejects.toThrow("sh printed more than 100 MiB and was ended");
  }, 240_000);

  it("answers that an answer is longer than a line can be", async () => {
    await expect(sh(`head -c ${100 * MIB} /dev/zero`)).rejects.toThrow(/is too long/);
  }, 240_000);
});

describe("runProcess", () => {
  it("streams 100 MiB both ways at the same time", async () => {
    const stdin = Buffer.alloc(100 * MIB, "0123456789abcde\n");
    const { stdout } = await runProcess("cat", [], { stdin });
    expect(stdout.equals(stdin)).toBe(true);
  }, 240_000);

  it("does not wait for a program to read input that it does not want", async () => {
    const { stdout } = await runProcess("echo", ["done"], { stdin: Buffer.alloc(10 * MIB) });
    expect(stdout.toString()).toBe("done\n");
  });
});
