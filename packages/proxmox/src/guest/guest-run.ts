import type { fields, Static } from "@nixops4-providers/provider-sdk";
import type { PveClient } from "../client/client.ts";
import type { guestFields } from "../common-fields.ts";
import type { Facts } from "./facts.ts";
import type { Kind } from "./guest.ts";

/** The inputs that VMs and containers share. */
export type GuestInputs = Static<ReturnType<typeof fields<typeof guestFields>>> & { ensure: string };

export interface GuestOutputs {
  vmid: number | null;
  node: string | null;
  macAddresses: string[];
  ipAddresses: string[];
}

/** What one run of a resource works with. */
export interface GuestRun<Inputs extends GuestInputs = GuestInputs> {
  kind: Kind;
  client: PveClient;
  facts: Facts;
  inputs: Inputs;
  /** The inputs of the previous run. */
  previous: Partial<Inputs> | undefined;
  previousOutputs: Partial<GuestOutputs> | undefined;
}
