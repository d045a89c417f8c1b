import { ProviderError } from "@nixops4-providers/provider-sdk";
import type { PveClient } from "../client/client.ts";
import { PveError, TaskError } from "../client/errors.ts";
import { runTask } from "../client/tasks.ts";
import { type Guest, labelOf, pathOf } from "./guest.ts";
import { observe, observeUntil, type Observed } from "./observe.ts";

export interface PowerOptions {
  taskTimeoutSeconds: number;
  shutdownTimeoutSeconds: number;
}

/** How long a guest under high availability, or one that restarts itself, may take after the task has ended. */
const SETTLE_SECONDS = 60;

/** Starts a guest and waits until it runs. */
export async function start(
  client: PveClient,
  guest: Guest,
  { taskTimeoutSeconds }: PowerOptions,
): Promise<Observed> {
  try {
    await power(client, guest, "start", {}, `starting ${labelOf(guest)}`, taskTimeoutSeconds);
  } catch (error) {
    if (!saysThat(error, /already running/)) throw error;
  }
  return expectRunning(client, guest, true);
}

/** Whether an error says that the guest is in a state, such as after a request whose answer was lost. */
function saysThat(error: unknown, state: RegExp): boolean {
  return (error instanceof TaskError || error instanceof PveError) && state.test(error.message);
}

/** Shuts a guest down, and stops it after the timeout. */
export async function stop(client: PveClient, guest: Guest, options: PowerOptions): Promise<Observed> {
  const { shutdownTimeoutSeconds: timeout, taskTimeoutSeconds } = options;
  const what = `shutting down ${labelOf(guest)}`;
  try {
    await power(
      client,
      guest,
      "shutdown",
      { timeout: Math.ceil(timeout) },
      what,
      timeout + taskTimeoutSeconds,
    );
  } catch (error) {
    if (saysThat(error, /not running/)) return expectRunning(client, guest, false);
    if (!(error instanceof TaskError)) throw error;
    client.context.log.warn(`${labelOf(guest)} did not shut down within ${timeout} s and is stopped`);
    await halt(client, guest, taskTimeoutSeconds);
  }
  return expectRunning(client, guest, false);
}

async function halt(client: PveClient, guest: Guest, timeoutSeconds: number): Promise<void> {
  try {
    await power(client, guest, "stop", {}, `stopping ${labelOf(guest)}`, timeoutSeconds);
  } catch (error) {
    if (!saysThat(error, /not running/)) throw error;
  }
}

/** Stops and starts a guest, so that pending changes become active. */
export async function powerCycle(client: PveClient, guest: Guest, options: PowerOptions): Promise<Observed> {
  const { shutdownTimeoutSeconds: timeout, taskTimeoutSeconds } = options;
  try {
    // The node does both: if this process dies in between, the guest does not stay stopped.
    const what = `power cycling ${labelOf(guest)}`;
    await power(client, guest, "reboot", { timeout: Math.ceil(timeout) }, what, timeout + taskTimeoutSeconds);
  } catch (error) {
    if (!(error instanceof TaskError) && !saysThat(error, /not running/)) throw error;
    await stop(client, guest, options);
  }
  const seen = await observeUntil(
    client,
    guest,
    5,
    ({ isRunning, pendingKeys }) => isRunning && pendingKeys.size === 0,
  );
  return seen.isRunning ? seen : start(client, guest, options);
}

async function power(
  client: PveClient,
  guest: Guest,
  action: string,
  params: Record<string, number>,
  what: string,
  timeoutSeconds: number,
): Promise<void> {
  await runTask(client, {
    method: "POST",
    path: `${pathOf(guest)}/status/${action}`,
    params,
    what,
    timeoutSeconds,
  });
}

/** Waits until a guest runs or is stopped, which high availability does later and by itself. */
export async function expectRunning(client: PveClient, guest: Guest, wanted: boolean): Promise<Observed> {
  const first = await observe(client, guest);
  if (first.isRunning === wanted) return first;
  const seen = await observeUntil(client, guest, SETTLE_SECONDS, ({ isRunning }) => isRunning === wanted);
  if (seen.isRunning === wanted) return seen;
  throw new ProviderError(
    `${labelOf(guest)} is not ${wanted ? "running" : "stopped"} after ${SETTLE_SECONDS} s`,
  );
}
