import { defineResource } from "@nixops4-providers/provider-sdk";
import { check, inputs, outputs } from "../zone/schema.ts";
import docs from "./zone.md";

export const zone = defineResource({
  type: "zone",
  description: "A zone on a PowerDNS server. An existing zone is taken over with its records.",
  docs,
  stateful: true,
  inputs,
  outputs,
  check,
  worker: async () => (await import("../zone/converge-zone.ts")).convergeZone,
});
