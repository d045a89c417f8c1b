import { defineResource } from "@nixops4-providers/provider-sdk";
import { check, inputs, outputs } from "../system/schema.ts";
import docs from "./system.md";

export const system = defineResource({
  type: "system",
  description:
    "Deploys a NixOS system to a host: copies it, activates it, and confirms it by a new login and by health checks. Without a " +
    "confirmation, the host rolls back, even if the connection or the deploying machine has failed. A host that already " +
    "runs the system is not changed.",
  docs,
  stateful: false,
  waitsForOrphans: true,
  inputs,
  outputs,
  check,
  worker: async () => (await import("../system/converge-system.ts")).convergeSystem,
});
