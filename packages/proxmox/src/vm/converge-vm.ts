import type { Context, ConvergeRequest } from "@nixops4-providers/provider-sdk";
import { openClient } from "../connection.ts";
import { convergeGuest } from "../guest/converge-guest.ts";
import { Facts } from "../guest/facts.ts";
import { repeat } from "../guest/repeat.ts";
import type { Inputs, Outputs } from "../resources/vm.ts";
import { ipAddressesOf, macAddressesOf } from "./addresses.ts";
import { createVm } from "./create.ts";
import { preflightChanges } from "./preflight.ts";
import type { Run } from "./run.ts";
import { wantedOf } from "./wanted.ts";

export async function convergeVm(
  { inputs, previous }: ConvergeRequest<Inputs, Outputs>,
  context: Context,
): Promise<Outputs> {
  const client = await openClient(inputs.connection, context);
  const common = {
    kind: "qemu",
    client,
    inputs,
    previous: previous?.inputs,
    previousOutputs: previous?.outputs,
  } as const;
  try {
    return await repeat(client, () => converge({ ...common, facts: new Facts(client) }));
  } finally {
    client.close();
  }
}

function converge(run: Run): Promise<Outputs> {
  return convergeGuest(run, {
    create: () => createVm(run),
    sync: {
      wanted: wantedOf(run),
      preflight: (seen, changes) => preflightChanges(run, seen, changes),
    },
    macAddressesOf,
    ipAddressesOf: (seen) => ipAddressesOf(run, seen),
  });
}
