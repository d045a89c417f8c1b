import { ProviderError } from "@nixops4-providers/provider-sdk";
import type { PveClient } from "../client/client.ts";
import { TaskError } from "../client/errors.ts";
import { runTask } from "../client/tasks.ts";
import { exists } from "./find.ts";
import { labelOf, pathOf } from "./guest.ts";
import type { Observed } from "./observe.ts";
import { type PowerOptions, stop } from "./power.ts";

/** Stops a guest and deletes it with its disks. Throws if it is protected. */
export async function remove(client: PveClient, seen: Observed, options: PowerOptions): Promise<void> {
  if (seen.values.get("protection") === "1") {
    throw new ProviderError(`${labelOf(seen)} is protected`, {
      hint: "Nothing was changed. Apply with protection = false first.",
    });
  }
  if (seen.isRunning) await stop(client, seen, options);
  try {
    await runTask(client, {
      method: "DELETE",
      path: pathOf(seen),
      params: { purge: true, "destroy-unreferenced-disks": true },
      what: `deleting ${labelOf(seen)}`,
      timeoutSeconds: options.taskTimeoutSeconds,
    });
  } catch (error) {
    // An earlier request, whose answer was lost, has deleted it.
    if (!(error instanceof TaskError && error.exitStatus.includes("does not exist"))) throw error;
  }
  if (await exists(client, seen))
    throw new ProviderError(`${labelOf(seen)} still exists after it was deleted`);
}
