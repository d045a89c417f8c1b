import type { Context, ConvergeRequest } from "@nixops4-providers/provider-sdk";
import { convergeGuest } from "../guest/converge-guest.ts";
import { withRun } from "../guest/with-run.ts";
import type { Inputs, Outputs } from "./schema.ts";
import { ipAddressesOf, macAddressesOf } from "./addresses.ts";
import { createVm } from "./create.ts";
import { hostPublicKeyOf } from "./host-key.ts";
import { preflightChanges } from "./preflight.ts";
import type { Run } from "./run.ts";
import { wantedOf } from "./wanted.ts";

export function convergeVm(request: ConvergeRequest<Inputs, Outputs>, context: Context): Promise<Outputs> {
  return withRun("qemu", request, context, converge);
}

function converge(run: Run): Promise<Outputs> {
  return convergeGuest<Inputs, Outputs>(run, {
    create: () => createVm(run),
    sync: {
      wanted: wantedOf(run),
      preflight: (seen, changes) => preflightChanges(run, seen, changes),
    },
    absent: { vmid: null, node: null, macAddresses: [], ipAddresses: [], hostPublicKey: null },
    outputsOf: async (seen) => ({
      macAddresses: macAddressesOf(seen),
      ipAddresses: await ipAddressesOf(run, seen),
      hostPublicKey: await hostPublicKeyOf(run, seen),
    }),
  });
}
