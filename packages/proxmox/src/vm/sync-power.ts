import { labelOf } from "../guest/guest.ts";
import type { Observed } from "../guest/observe.ts";
import { start, stop } from "../guest/power.ts";
import type { Run } from "./run.ts";

/** Starts or stops the VM where that is wanted. Without a wish, only a new one is started. */
export async function syncPower({ client, inputs }: Run, seen: Observed, isNew: boolean): Promise<Observed> {
  const { started, ha } = inputs;
  if (ha !== undefined) return seen;
  const wanted = started ?? (isNew ? true : undefined);
  if (wanted === undefined && !seen.isRunning)
    client.context.log.info(`${labelOf(seen)} is stopped and stays so`);
  if (wanted === undefined || wanted === seen.isRunning) return seen;
  return wanted ? start(client, seen, inputs) : stop(client, seen, inputs);
}
