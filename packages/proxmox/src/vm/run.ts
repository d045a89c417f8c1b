import type { PveClient } from "../client/client.ts";
import type { Facts } from "../guest/facts.ts";
import type { Inputs, Outputs } from "../resources/vm.ts";
import type { SomeInputs } from "./settings.ts";

/** One run: what is asked for, and what it is done with. */
export interface Run {
  client: PveClient;
  facts: Facts;
  inputs: Inputs;
  /** The inputs of the run before. */
  previous: SomeInputs | undefined;
  previousOutputs: Partial<Outputs> | undefined;
}
