import type { Context, ConvergeRequest } from "@nixops4-providers/provider-sdk";
import { openClient } from "../open-client.ts";
import { Facts } from "./facts.ts";
import type { GuestInputs, GuestOutputs, GuestRun } from "./guest-run.ts";
import type { Kind } from "./guest.ts";
import { repeat } from "./repeat.ts";

/** Runs a flow with a client of its own, and with new facts each time it starts over. */
export async function withRun<Inputs extends GuestInputs, Outputs extends GuestOutputs>(
  kind: Kind,
  { inputs, previous }: ConvergeRequest<Inputs, Outputs>,
  context: Context,
  flow: (run: GuestRun<Inputs>) => Promise<Outputs>,
): Promise<Outputs> {
  const client = await openClient(inputs.connection, context);
  const common = { kind, client, inputs, previous: previous?.inputs, previousOutputs: previous?.outputs };
  try {
    return await repeat(client, () => flow({ ...common, facts: new Facts(client) }));
  } finally {
    client.close();
  }
}
