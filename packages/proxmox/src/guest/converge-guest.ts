import { observe, type Observed } from "./observe.ts";
import type { Guest } from "./guest.ts";
import { findOwn } from "./find-own.ts";
import type { GuestInputs, GuestOutputs, GuestRun } from "./guest-run.ts";
import { syncPool } from "./pool-membership.ts";
import { remove } from "./remove.ts";
import { type Ha, syncHa } from "./sync-ha.ts";
import { syncConfig, type SyncRun } from "./sync-config.ts";
import { syncPower } from "./sync-power.ts";

type Inputs = GuestInputs & { ha?: Ha | undefined };

/** What differs between VMs and containers. */
export interface GuestType<Outputs extends GuestOutputs> {
  create(): Promise<Guest>;
  sync: Pick<SyncRun, "wanted" | "preflight">;
  /** The outputs without a guest. */
  absent: Outputs;
  outputsOf(seen: Observed): Promise<Omit<Outputs, "vmid" | "node">>;
}

/** Finds or creates a guest, changes what differs, and returns its outputs; with `ensure = "absent"`, deletes it. */
export async function convergeGuest<I extends Inputs, O extends GuestOutputs>(
  run: GuestRun<I>,
  type: GuestType<O>,
): Promise<O> {
  const { client, inputs } = run;
  const found = await findOwn(run);
  if (inputs.ensure === "absent") {
    if (found !== undefined) await remove(client, found, inputs);
    return type.absent;
  }
  const seen = await sync(
    run,
    type,
    found ?? (await observe(client, await type.create())),
    isOfThisCreate(run, found),
  );
  return { ...type.absent, vmid: seen.vmid, node: seen.node, ...(await type.outputsOf(seen)) };
}

/** Whether a guest was created by this run, or by an earlier one that was interrupted. */
function isOfThisCreate({ inputs, previousOutputs }: GuestRun<Inputs>, found: Observed | undefined): boolean {
  if (found === undefined) return true;
  return (previousOutputs?.vmid ?? undefined) !== found.vmid && !inputs.adopt;
}

async function sync<I extends Inputs>(
  run: GuestRun<I>,
  type: GuestType<GuestOutputs>,
  seen: Observed,
  isNew: boolean,
): Promise<Observed> {
  const { client, inputs, previous } = run;
  const configured = await syncConfig({ client, inputs, ...type.sync }, seen);
  // The configuration does not contain the pool: it is read only when it may differ.
  if (
    previous?.pool !== inputs.pool ||
    JSON.stringify(previous?.keepers) !== JSON.stringify(inputs.keepers)
  ) {
    await syncPool(client, configured, inputs.pool, previous?.pool);
  }
  await syncHa(client, configured, inputs.ha, previous?.ha !== undefined);
  return syncPower({ client, inputs }, configured, isNew);
}
