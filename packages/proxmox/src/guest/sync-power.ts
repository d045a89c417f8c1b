import { labelOf } from "./guest.ts";
import type { Observed } from "./observe.ts";
import { expectRunning, start, stop } from "./power.ts";
import type { Ha } from "./sync-ha.ts";
import type { GuestInputs, GuestRun } from "./guest-run.ts";

/** Starts or stops a guest as wanted. If `started` is not set, only a new guest is started. */
export async function syncPower(
  { client, inputs }: Pick<GuestRun<GuestInputs & { ha?: Ha | undefined }>, "client" | "inputs">,
  seen: Observed,
  isNew: boolean,
): Promise<Observed> {
  const { started, ha } = inputs;
  if (ha !== undefined)
    return ha.state === "started" && !seen.isRunning ? expectRunning(client, seen, true) : seen;
  const wanted = started ?? (isNew ? true : undefined);
  if (wanted === undefined && !seen.isRunning)
    client.context.log.info(`${labelOf(seen)} is stopped and stays stopped`);
  if (wanted === undefined || wanted === seen.isRunning) return seen;
  return wanted ? start(client, seen, inputs) : stop(client, seen, inputs);
}
