import type { Context, ConvergeRequest } from "@nixops4-providers/provider-sdk";
import { openClient } from "../connection.ts";
import { Facts } from "../guest/facts.ts";
import { observe, type Observed } from "../guest/observe.ts";
import { syncPool } from "../guest/pool-membership.ts";
import { remove } from "../guest/remove.ts";
import { repeat } from "../guest/repeat.ts";
import { syncHa } from "../guest/sync-ha.ts";
import type { Inputs, Outputs } from "../resources/vm.ts";
import { ipAddressesOf, macAddressesOf } from "./addresses.ts";
import { createVm } from "./create.ts";
import { findVm } from "./find-vm.ts";
import type { Run } from "./run.ts";
import { syncConfig } from "./sync-config.ts";
import { syncPower } from "./sync-power.ts";

const ABSENT: Outputs = { vmid: null, node: null, macAddresses: [], ipAddresses: [] };

export async function convergeVm(
  { inputs, previous }: ConvergeRequest<Inputs, Outputs>,
  context: Context,
): Promise<Outputs> {
  const client = await openClient(inputs.connection, context);
  try {
    return await repeat(client, () =>
      converge({
        client,
        facts: new Facts(client),
        inputs,
        previous: previous?.inputs,
        previousOutputs: previous?.outputs,
      }),
    );
  } finally {
    client.close();
  }
}

async function converge(run: Run): Promise<Outputs> {
  const { client, inputs } = run;
  const found = await findVm(run);
  if (inputs.ensure === "absent") {
    if (found !== undefined) await remove(client, found, inputs);
    return ABSENT;
  }
  const seen = found ?? (await observe(client, await createVm(run)));
  const isNew = isOfThisCreate(run, found);
  const synced = await sync(run, seen, isNew);
  return {
    vmid: synced.vmid,
    node: synced.node,
    macAddresses: macAddressesOf(synced),
    ipAddresses: await ipAddressesOf(run, synced),
  };
}

/** Whether it was made by this run, or by one like it that did not come to its end. */
function isOfThisCreate({ inputs, previousOutputs }: Run, found: Observed | undefined): boolean {
  if (found === undefined) return true;
  return (previousOutputs?.vmid ?? null) === null && !inputs.adopt;
}

async function sync(run: Run, seen: Observed, isNew: boolean): Promise<Observed> {
  const { client, inputs, previous } = run;
  const configured = await syncConfig(run, seen);
  // Membership is not in the configuration: it is looked at when it may be another.
  if (previous === undefined || previous.pool !== inputs.pool)
    await syncPool(client, configured, inputs.pool, previous?.pool);
  await syncHa(client, configured, inputs.ha, previous?.ha !== undefined);
  return syncPower(run, configured, isNew);
}
