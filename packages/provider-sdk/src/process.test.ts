import { mkdtemp, readFile, realpath, rm } from "node:fs/promises";
import { openSync, closeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { ProviderError } from "./errors.ts";
import { runProcess, type RunOptions } from "./process.ts";

let folder: string;
beforeEach(async () => void (folder = await realpath(await mkdtemp(join(tmpdir(), "process-")))));
afterEach(() => rm(folder, { recursive: true }));

/** Runs a shell script and returns what it printed. */
async function sh(script: string, options: RunOptions = {}): Promise<string> {
  return (await runProcess("sh", ["-c", script], options)).stdout.toString();
}

/** Returns whether a process runs. One that has ended may wait for its parent. */
async function runs(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => ") X");
  return !/\) [XZ]/.test(stat);
}

describe("runProcess", () => {
  it.each<[string, string, RunOptions, string]>([
    ["nothing on standard input", "cat", {}, ""],
    ["a text on standard input", "cat", { stdin: "ä" }, "ä"],
    ["bytes on standard input", "cat", { stdin: Buffer.from("ab") }, "ab"],
    ["input that it does not read", "exec <&-; echo a", { stdin: "x".repeat(1_000_000) }, "a\n"],
    ["a variable beside those of this process", 'echo "$A ${PATH:+path}"', { env: { A: "b" } }, "b path\n"],
    ["the variables of this process", 'echo "${PATH:+path}"', {}, "path\n"],
    ["a limit that its output just keeps", "printf abcd", { maxOutputBytes: 4 }, "abcd"],
  ])("gives a program %s", async (_, script, options, printed) => {
    expect(await sh(script, options)).toBe(printed);
  });

  it("runs a program in a folder", async () => {
    expect(await sh("pwd", { cwd: folder })).toBe(`${folder}\n`);
  });

  it("gives a program more descriptors", async () => {
    const fd = openSync("/dev/null", "r");
    expect(await sh("cat <&3 && echo open", { inheritFds: [fd] })).toBe("open\n");
    closeSync(fd);
  });

  it("returns the last lines of standard error, and passes each on", async () => {
    const lines: string[] = [];
    const { stderrTail } = await runProcess("sh", ["-c", "echo a >&2; printf b >&2"], {
      onStderrLine: (line) => lines.push(line),
    });
    expect([stderrTail, lines]).toEqual(["a\nb", ["a", "b"]]);
  });

  it.each([
    ["an exit code", "exit 3", "sh failed with exit code: 3", 3, ""],
    ["a signal", "kill -KILL $$", "sh was killed by SIGKILL", null, ""],
    [
      "an exit code and messages",
      "echo one >&2; echo two >&2; exit 1",
      "sh failed with exit code: 1\nIts last lines on standard error:\n  one\n  two",
      1,
      "one\ntwo",
    ],
  ])("throws for %s", async (_, script, message, exitCode, stderrTail) => {
    await expect(sh(script)).rejects.toMatchObject({ name: "ProcessError", message, exitCode, stderrTail });
  });

  it.each([
    [3, "printf abcd; exec sleep 60", "sh printed more than 3 bytes and was ended"],
    [2 ** 20, "exec head -c 1048577 /dev/zero", "sh printed more than 1 MiB and was ended"],
  ])("ends a program that prints more than %d bytes", async (maxOutputBytes, script, message) => {
    await expect(sh(script, { maxOutputBytes })).rejects.toMatchObject({
      message,
      hint: "Let it print less, or write to a file.",
    });
  });

  it("ends a program that takes too long", async () => {
    const pids: number[] = [];
    const onStderrLine = (pid: string) => pids.push(Number(pid));
    await expect(sh("echo $$ >&2; exec sleep 60", { timeoutSeconds: 0.2, onStderrLine })).rejects.toThrow(
      new ProviderError("sh did not finish within 0.2 s and was ended"),
    );
    for (const pid of pids) expect(await runs(pid)).toBe(false);
  });

  it.each([
    [
      "kills what a program that ignores SIGTERM has started",
      "trap '' TERM; sleep 60 & echo $! >&2; wait",
      false,
    ],
    [
      "leaves a program that has left the group with standard output open",
      "setsid sh -c 'echo $$ >&2; exec sleep 60' & wait",
      true,
    ],
  ])("%s", async (_, script, isLeft) => {
    const controller = new AbortController();
    const pids: number[] = [];
    const onStderrLine = (pid: string) => {
      pids.push(Number(pid));
      controller.abort();
    };
    await expect(sh(script, { signal: controller.signal, onStderrLine })).rejects.toThrow("was interrupted");
    expect(await runs(pids[0]!)).toBe(isLeft);
    if (isLeft) process.kill(pids[0]!, "SIGKILL");
  });

  it("ends a program when the signal is aborted", async () => {
    const controller = new AbortController();
    const pids: number[] = [];
    const onStderrLine = (pid: string) => {
      pids.push(Number(pid));
      controller.abort(new Error("stopped by the test"));
    };
    await expect(
      sh("echo $$ >&2; exec sleep 60", { signal: controller.signal, onStderrLine }),
    ).rejects.toMatchObject({
      message: "sh was interrupted",
      cause: { message: "stopped by the test" },
    });
    expect(await runs(pids[0]!)).toBe(false);
  });

  it("does not start a program when the signal is already aborted", async () => {
    const file = join(folder, "started");
    const signal = AbortSignal.abort(new Error("stopped before"));
    await expect(sh(`touch ${file}`, { signal })).rejects.toMatchObject({
      message: "sh was interrupted",
      cause: { message: "stopped before" },
    });
    await expect(readFile(file)).rejects.toThrow("ENOENT");
  });

  it("ends a program when the signal is aborted while it starts", async () => {
    const controller = new AbortController();
    const end = sh("exec sleep 60", { signal: controller.signal });
    controller.abort(new Error("stopped at once"));
    await expect(end).rejects.toMatchObject({ cause: { message: "stopped at once" } });
  });

  it("leaves no listener on the signal", async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const count = (change: number, method: "addEventListener" | "removeEventListener") => {
      const original = signal[method].bind(signal);
      signal[method] = (...args: Parameters<AbortSignal["addEventListener"]>) => {
        listeners += change;
        original(...args);
      };
    };
    count(1, "addEventListener");
    count(-1, "removeEventListener");
    await sh("true", { signal });
    expect(listeners).toBe(0);
  });
});
