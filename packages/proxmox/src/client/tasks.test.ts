import { afterEach, beforeEach, expect, it, jest } from "@jest/globals";
import type { PveClient } from "./client.ts";
import { PveError, TaskError } from "./errors.ts";
import { runTask, waitForTask } from "./tasks.ts";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const UPID = "UPID:pve:1:2:3:qmstart:100:a@pve!b:";
const RUNNING = { status: "running" };
const unknown = new PveError("GET /x", 400, "no such task");

/** A client whose tasks have these states, one after another, and this log. The last state stays. */
function clientWith(states: unknown[], log: string[] = [], slowMs = 0) {
  const seen = { paths: [] as string[], warnings: [] as string[] };
  const client = {
    context: {
      signal: new AbortController().signal,
      log: { warn: (line: string) => void seen.warnings.push(line) },
      progress: () => ({ update: () => {}, done: () => {} }),
    },
    get: async (path: string) => {
      seen.paths.push(path);
      if (path.endsWith("/log")) return log.map((t, n) => ({ n, t }));
      jest.advanceTimersByTime(slowMs);
      const state = states.length > 1 ? states.shift() : states[0];
      if (state instanceof Error) throw state;
      return state;
    },
    request: async () => states.shift(),
    retry: (_: string, attempt: () => Promise<unknown>) => attempt(),
  } as unknown as PveClient;
  return { client, seen };
}

async function wait(client: PveClient, timeoutSeconds = 60): Promise<unknown> {
  const end = waitForTask(client, UPID, "starting VM 100", timeoutSeconds).catch((error: unknown) => error);
  await jest.advanceTimersByTimeAsync(100_000);
  return end;
}

const stopped = (exitstatus?: string) => ({ status: "stopped", ...(exitstatus && { exitstatus }) });

it("waits for the end of a task", async () => {
  const { client, seen } = clientWith([RUNNING, RUNNING, stopped("OK")]);
  expect(await wait(client)).toBeUndefined();
  expect(seen.paths).toEqual(Array(3).fill(`/nodes/pve/tasks/${encodeURIComponent(UPID)}/status`));
});

it("shows warnings, and takes the task for done", async () => {
  const { client, seen } = clientWith([stopped("WARNINGS: 1")], ["a", "WARN: thin", "TASK WARNINGS: 1"]);
  expect(await wait(client)).toBeUndefined();
  expect(seen.warnings).toEqual(["starting VM 100: WARN: thin"]);
});

it.each([
  ["no", "no"],
  [undefined, "no exit status"],
])("fails with the end of the log when a task ended with %s", async (exitstatus, text) => {
  const lines = Array.from({ length: 20 }, (_, index) => `line ${index + 1}`);
  const { client } = clientWith([stopped(exitstatus)], lines);
  const error = (await wait(client)) as TaskError;
  expect(error).toBeInstanceOf(TaskError);
  expect(error.message).toContain(`starting VM 100 failed: ${text}\n  line 6\n`);
  expect(error.message).not.toContain("line 5\n");
});

it("asks again for a task that is not known yet", async () => {
  expect(await wait(clientWith([unknown, unknown, stopped("OK")]).client)).toBeUndefined();
});

it.each([
  ["after 10 s", unknown, 9_950],
  ["that is refused otherwise", new PveError("GET /x", 403, "no"), 0],
  ["that fails otherwise", new Error("no"), 0],
])("does not ask again for a task %s", async (_, error, slowMs) => {
  const { client, seen } = clientWith([error], [], slowMs);
  expect(await wait(client)).toBe(error);
  // The first time, 9.95 s pass, and a pause of 0.05 s.
  expect(seen.paths).toHaveLength(slowMs === 0 ? 1 : 2);
});

it("asks once more when the time is up, and then says that the task goes on", async () => {
  const { client, seen } = clientWith([RUNNING]);
  const error = (await wait(client, 0.05)) as Error & { hint: string };
  expect(error.message).toBe("starting VM 100 took more than 0.05 s");
  expect(error.hint).toContain(UPID);
  expect(seen.paths).toHaveLength(3);
});

it.each([
  ["a task", UPID, 1],
  ["nothing", null, 0],
  ["something else", "done", 0],
])("a request that returns %s is waited for where it is a task", async (_, returned, polls) => {
  const { client, seen } = clientWith([returned, stopped("OK")]);
  await runTask(client, { method: "POST", path: "/x", what: "starting VM 100", timeoutSeconds: 60 });
  expect(seen.paths).toHaveLength(polls);
});
