import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "@jest/globals";
import { ProviderProcess, timeSince } from "@nixops4-providers/e2e";
import { Ajv } from "ajv";

const root = join(import.meta.dirname, "..", "..", "..");
const command = ["--import", "tsx", join(import.meta.dirname, "fixture", "main.ts")];
const running: ProviderProcess[] = [];

function start(env: Record<string, string> = {}) {
  const provider = new ProviderProcess(process.execPath, {
    args: command,
    cwd: root,
    env,
    onStderr: () => {},
  });
  running.push(provider);
  return provider;
}

function line(action: string, inputs: object = {}) {
  return JSON.stringify({
    createResourceRequest: { type: "act", inputProperties: { action, ...inputs }, isStateful: false },
  });
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

/** Returns how many threads of a process wait in an open of a FIFO. */
function opensOf(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const waits = threads.map((thread) => readFileSync(`/proc/${pid}/task/${thread}/wchan`, "latin1"));
  return waits.filter((wait) => wait.includes("fifo") || wait.includes("wait_for_partner")).length;
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").split(" ").filter(Boolean).map(Number);
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!holds() && performance.now() < deadline) await sleep(20);
  expect(holds()).toBe(true);
}

afterEach(async () => {
  for (const provider of running.splice(0)) await provider.kill("SIGKILL");
});

describe("serve", () => {
  it("answers several requests over one process, errors in between, and exits 0 at the end", async () => {
    const provider = start();
    expect(await provider.create("act", { action: "one" })).toEqual({ text: "one" });
    expect(await provider.request("this is not JSON")).toHaveProperty("errorResponse");
    expect(await provider.request({ unknownRequest: {} })).toHaveProperty("errorResponse");
    await expect(provider.create("act", { action: "one", extra: 1 })).rejects.toThrow("extra: unknown field");
    await expect(provider.create("other", {})).rejects.toThrow('unknown resource type "other"');
    expect(await provider.create("act", { action: "two" })).toEqual({ text: "two" });
    expect(await provider.close()).toBe(0);
  });

  it("finishes and answers what it has received when standard input ends", async () => {
    const child = spawn(process.execPath, command, { cwd: root, stdio: ["pipe", "pipe", "ignore"] });
    child.stdin.end(`${line("sleep", { milliseconds: 300 })}\n${line("second")}`);
    const answers = (await text(child.stdout)).trimEnd().split("\n");
    expect(answers.map((answer) => JSON.parse(answer) as unknown)).toEqual([
      { createResourceResponse: { outputProperties: { text: "sleep" } } },
      { createResourceResponse: { outputProperties: { text: "second" } } },
    ]);
  });

  it("keeps everything but answers away from standard output", async () => {
    const provider = start();
    expect(await provider.create("act", { action: "print" })).toEqual({ text: "print" });
    await provider.close();
    expect(provider.stderr).toContain("printed by console.log");
    expect(provider.stderr).toContain("printed to process.stdout");
    expect(provider.stderr).toContain("printed by a child");
  });

  it("refuses a line over 64 MiB and goes on", async () => {
    const provider = start();
    const response = await provider.request("x".repeat(64 * 1024 * 1024 + 1));
    expect(response).toEqual({
      errorResponse: { message: "the request line has 67108865 bytes; at most 67108864 are accepted" },
    });
    expect(await provider.create("act", { action: "next" })).toEqual({ text: "next" });
  });

  it("accepts a line of just under 64 MiB", async () => {
    const provider = start();
    const action = "y".repeat(63 * 1024 * 1024);
    expect(await provider.create("act", { action })).toEqual({ text: action });
  });

  it("ends quietly when nobody reads its answers", async () => {
    const child = spawn(process.execPath, command, { cwd: root, stdio: ["pipe", "pipe", "pipe"] });
    child.stdout.destroy();
    child.stdin.write(`${line("one")}\n`);
    const log = text(child.stderr);
    const [code, signal] = (await once(child, "exit")) as [number, string | null];
    expect({ code, signal, log: await log }).toEqual({ code: 0, signal: null, log: "" });
  });

  it.each(SIGNALS)("aborts the work in hand on %s, answers, and ends by it", async (signal) => {
    const provider = start();
    const answer = provider.request(line("sleep", { milliseconds: 60_000 }));
    while (!provider.stderr.includes("sleeping")) await sleep(20);
    const started = Date.now();
    process.kill(provider.pid, signal);
    expect(await answer).toEqual({
      errorResponse: { message: `The operation was aborted: interrupted by ${signal}` },
    });
    expect(await provider.close()).toBe(null);
    expect(await timeSince(started)).toBeLessThan(1_500);
  });

  it.each(SIGNALS)("answers and ends within 2 s of %s even when the work does not listen", async (signal) => {
    const provider = start();
    const answer = provider.request(line("ignore-signals", { milliseconds: 60_000 }));
    while (!provider.stderr.includes("ignoring")) await sleep(20);
    const started = Date.now();
    process.kill(provider.pid, signal);
    expect(await answer).toEqual({
      errorResponse: { message: `interrupted by ${signal}, but did not stop in time` },
    });
    expect(await provider.close()).toBe(null);
    expect(await timeSince(started)).toBeLessThan(2_500);
  });

  it("ends within 2 s of SIGTERM while all threads for files wait for a FIFO", async () => {
    const folder = await mkdtemp(join(tmpdir(), "serve-"));
    const fifo = join(folder, "fifo");
    spawnSync("mkfifo", [fifo]);
    const provider = start();
    const answer = provider.request(line(fifo));
    while (opensOf(provider.pid) < 4) await sleep(50);
    const started = Date.now();
    await provider.kill("SIGTERM");
    expect(await timeSince(started)).toBeLessThan(2_500);
    expect(JSON.stringify(await answer)).toContain("interrupted by SIGTERM");
    await rm(folder, { recursive: true });
  });

  it("ends at once on a second signal", async () => {
    const provider = start();
    const answer = provider.request(line("ignore-signals", { milliseconds: 60_000 })).catch(() => "none");
    while (!provider.stderr.includes("ignoring")) await sleep(20);
    const started = Date.now();
    process.kill(provider.pid, "SIGINT");
    await sleep(100);
    await provider.kill("SIGTERM");
    expect(await answer).toBe("none");
    expect(await timeSince(started)).toBeLessThan(1_000);
  });

  it("ignores SIGHUP when nixops4 was started by nohup", async () => {
    const nohup = spawn("nohup", ["sh", "-c", '"$0" "$@"; true', process.execPath, ...command], {
      cwd: root,
      stdio: ["pipe", "pipe", "pipe"],
    });
    const answer = text(nohup.stdout);
    nohup.stdin.end(`${line("sleep", { milliseconds: 1_500 })}\n`);
    let log = "";
    nohup.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
    while (!log.includes("sleeping")) await sleep(20);
    for (const pid of childrenOf(nohup.pid!)) process.kill(pid, "SIGHUP");
    expect(await answer).toContain("createResourceResponse");
  });

  it("completes a started request when nixops4 is killed and the standard streams are closed", async () => {
    const folder = await mkdtemp(join(tmpdir(), "serve-"));
    const done = join(folder, "done");
    // Starts a provider like nixops4 in its interactive mode, with a pipe for the log, and keeps running.
    const script = `
      const child = require("node:child_process").spawn(...JSON.parse(process.argv[1]));
      child.stdin.write(process.argv[2]);
      child.stderr.once("data", () => console.log(child.pid));`;
    const request = `${line(`finish ${done}`, { milliseconds: 2_000 })}\n`;
    const start = JSON.stringify([process.execPath, command, { cwd: root }]);
    const parent = spawn(process.execPath, ["--eval", script, start, request], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [printed] = (await once(parent.stdout, "data")) as [Buffer];
    const pid = Number(printed);
    parent.kill("SIGKILL");
    await until(() => !existsSync(`/proc/${pid}`));
    expect(existsSync(done) && Number(readFileSync(done, "utf8"))).toBe(pid);
    await rm(folder, { recursive: true });
  });

  it("ends at once on a signal between requests", async () => {
    const provider = start();
    await provider.create("act", { action: "one" });
    const started = Date.now();
    await provider.kill("SIGTERM");
    expect(await timeSince(started)).toBeLessThan(1_000);
  });

  it("shows no secret in logs and errors, and traces only on request", async () => {
    for (const env of [{}, { NIXOPS4_PROVIDER_DEBUG: "1" }] as Record<string, string>[]) {
      const provider = start(env);
      const { errorResponse } = (await provider.request(line("log"))) as {
        errorResponse: { message: string };
      };
      await provider.close();
      expect(provider.stderr).toContain("fixture.act: the password is [secret]");
      expect(provider.stderr + errorResponse.message).not.toContain("hunter2");
      const debugging = "NIXOPS4_PROVIDER_DEBUG" in env;
      expect(provider.stderr.includes("seen only on request")).toBe(debugging);
      expect(errorResponse.message.includes("main.ts")).toBe(debugging);
    }
  });

  it("answers when something fails outside of the running request", async () => {
    const provider = start();
    await expect(provider.create("act", { action: "crash" })).rejects.toThrow("internal error: from nowhere");
    expect(await provider.close()).toBe(1);
  });
});

const schemas = process.env["NIXOPS4_SCHEMAS"] ?? join(root, "..", "shared", "data", "nixops4");
const schemaFile = join(schemas, "resource-schema-v0.json");
const withSchema = existsSync(schemaFile) ? describe : describe.skip;

withSchema("responses (skipped without NIXOPS4_SCHEMAS, the folder of nixops4's schemas)", () => {
  it("are as nixops4's schema says", async () => {
    const schema = JSON.parse(readFileSync(schemaFile, "utf8").replace("draft-04", "draft-07")) as {
      $id: string;
    };
    const ajv = new Ajv({ strict: false });
    ajv.addSchema({ $id: "https://json.schemastore.org/json-patch.json", type: "array" });
    ajv.addSchema(schema);
    const validate = ajv.compile({ $ref: `${schema.$id}#/definitions/Response` });
    const provider = start();
    for (const request of [line("one"), "not JSON", line("log")]) {
      const response = await provider.request(request);
      expect({ response, valid: validate(response) }).toEqual({ response, valid: true });
    }
  });
});
