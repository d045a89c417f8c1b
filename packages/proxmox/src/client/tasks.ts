import { ProviderError, sleep } from "@nixops4-providers/provider-sdk";
import type { Params, PveClient } from "./client.ts";
import { PveError, TaskError } from "./errors.ts";

const FIRST_POLL_SECONDS = 0.05;
const LONGEST_POLL_SECONDS = 1;
/** The part of the elapsed time to pause, so that the end of a short task is noticed soon. */
const POLL_SHARE = 0.1;
const UNKNOWN_SECONDS = 10;
const LOG_LINES = 15;

interface TaskStatus {
  status: string;
  exitstatus?: string;
}

export interface TaskRequest {
  method: "POST" | "PUT" | "DELETE";
  path: string;
  params?: Params;
  /** What the task does, such as "creating VM 100". */
  what: string;
  timeoutSeconds: number;
}

/** Sends a request and waits for its task, if it starts one. Retries when the task meets a lock. */
export function runTask(
  client: PveClient,
  { method, path, params = {}, what, timeoutSeconds }: TaskRequest,
): Promise<void> {
  return client.retry(`${method} ${path}`, async () => {
    const upid = await client.request(method, path, params);
    if (isUpid(upid)) await waitForTask(client, upid, what, timeoutSeconds);
  });
}

/** Some requests are done at once and return no task. */
function isUpid(value: unknown): value is string {
  return typeof value === "string" && value.startsWith("UPID:");
}

/** Waits for the end of a task, and logs its warnings. Throws a TaskError with the end of its log when it fails. */
export async function waitForTask(
  client: PveClient,
  upid: string,
  what: string,
  timeoutSeconds: number,
): Promise<void> {
  const path = `/nodes/${nodeOf(upid)}/tasks/${encodeURIComponent(upid)}`;
  const start = performance.now();
  const progress = client.context.progress(what);
  try {
    for (;;) {
      const elapsed = (performance.now() - start) / 1000;
      const status = await readStatus(client, `${path}/status`, elapsed);
      if (status?.status === "stopped")
        return await judge(client, path, what, status.exitstatus ?? "no exit status");
      if (elapsed > timeoutSeconds) throw tooLong(what, timeoutSeconds, upid);
      const pause = Math.min(Math.max(elapsed * POLL_SHARE, FIRST_POLL_SECONDS), LONGEST_POLL_SECONDS);
      await sleep(pause, client.context.signal);
    }
  } finally {
    progress.done();
  }
}

async function readStatus(client: PveClient, path: string, elapsed: number): Promise<TaskStatus | undefined> {
  try {
    return await client.get<TaskStatus>(path);
  } catch (error) {
    if (error instanceof PveError && error.isUnknownTask && elapsed < UNKNOWN_SECONDS) return undefined;
    throw error;
  }
}

async function judge(client: PveClient, path: string, what: string, exitStatus: string): Promise<void> {
  if (exitStatus === "OK") return;
  const lines = await client.get<{ t: string }[]>(`${path}/log`, { limit: 0 });
  const log = lines.map(({ t }) => t);
  if (!exitStatus.startsWith("WARNINGS")) throw new TaskError(what, exitStatus, log.slice(-LOG_LINES));
  const warnings = log.filter((line) => /^\s*WARN/i.test(line) && !line.startsWith("TASK"));
  for (const line of warnings) client.context.log.warn(`${what}: ${line}`);
}

function tooLong(what: string, timeoutSeconds: number, upid: string): ProviderError {
  return new ProviderError(`${what} took more than ${timeoutSeconds} s`, {
    hint: `The task is still running: ${upid}. Apply again when it has ended, or raise taskTimeoutSeconds.`,
  });
}

function nodeOf(upid: string): string {
  return upid.split(":")[1] ?? "";
}
