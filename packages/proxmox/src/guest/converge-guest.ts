import { observe, type Observed } from "./observe.ts";
import type { Guest } from "./guest.ts";
import { findOwn } from "./find-own.ts";
import type { GuestInputs, GuestOutputs, GuestRun } from "./guest-run.ts";
import { syncPool } from "./pool-membership.ts";
import { remove } from "./remove.ts";
import { type Ha, syncHa } from "./sync-ha.ts";
import { syncConfig, type SyncRun } from "./sync-config.ts";
import { syncPower } from "./sync-power.ts";

const ABSENT: GuestOutputs = { vmid: null, node: null, macAddresses: [], ipAddresses: [] };

type Inputs = GuestInputs & { ha?: Ha | undefined };

/** What differs between VMs and containers. */
export interface GuestType {
  create(): Promise<Guest>;
  sync: Pick<SyncRun, "wanted" | "preflight">;
  macAddressesOf(seen: Observed): string[];
  ipAddressesOf(seen: Observed): Promise<string[]>;
}

/** Observes a guest, makes it when there is none, changes what differs, and reports what it is then. */
export async function convergeGuest<I extends Inputs>(
  run: GuestRun<I>,
  type: GuestType,
): Promise<GuestOutputs> {
  const { client, inputs } = run;
  const found = await findOwn(run);
  if (inputs.ensure === "absent") {
    if (found !== undefined) await remove(client, found, inputs);
    return ABSENT;
  }
  const seen = await sync(
    run,
    type,
    found ?? (await observe(client, await type.create())),
    isOfThisCreate(run, found),
  );
  return {
    vmid: seen.vmid,
    node: seen.node,
    macAddresses: type.macAddressesOf(seen),
    ipAddresses: await type.ipAddressesOf(seen),
  };
}

/** Whether it was made by this run, or by one like it that did not come to its end. */
function isOfThisCreate({ inputs, previousOutputs }: GuestRun<Inputs>, found: Observed | undefined): boolean {
  if (found === undefined) return true;
  return (previousOutputs?.vmid ?? null) === null && !inputs.adopt;
}

async function sync<I extends Inputs>(
  run: GuestRun<I>,
  type: GuestType,
  seen: Observed,
  isNew: boolean,
): Promise<Observed> {
  const { client, inputs, previous } = run;
  const configured = await syncConfig({ client, inputs, ...type.sync }, seen);
  // Membership is not in the configuration: it is looked at when it may be another.
  if (previous === undefined || previous.pool !== inputs.pool) {
    await syncPool(client, configured, inputs.pool, previous?.pool);
  }
  await syncHa(client, configured, inputs.ha, previous?.ha !== undefined);
  return syncPower({ client, inputs }, configured, isNew);
}
