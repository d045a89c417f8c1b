import { converge, defineResource } from "@nixops4-providers/provider-sdk";
import { check, inputs, outputs, type Inputs, type Outputs } from "../system/schema.ts";
import docs from "./system.md";

export const system = defineResource({
  type: "system",
  description:
    "Makes a host run a NixOS system: copies it, activates it, and confirms that over a new connection and by " +
    "health checks, else the host rolls back by itself. What runs on the host does not depend on the connection or " +
    "on the deploying machine. A host that runs the system already is left alone.",
  docs,
  stateful: false,
  waitsForOrphans: true,
  inputs,
  outputs,
  check,
  ...converge<Inputs, Outputs>(async ({ inputs }, context) => {
    const { convergeSystem } = await import("../system/converge-system.ts");
    return convergeSystem(inputs, context);
  }),
});
