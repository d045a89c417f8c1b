import { defineResource } from "@nixops4-providers/provider-sdk";
import { checkApiAccess } from "../api-access.ts";
import { inputs, outputs, type Inputs } from "../pool/schema.ts";
import docs from "./pool.md";

export const pool = defineResource({
  type: "pool",
  description:
    "A pool of VMs, containers and storages, on which privileges can be granted. An existing pool is taken over.",
  docs,
  stateful: false,
  inputs,
  outputs,
  check: ({ connection }: Inputs) => checkApiAccess(connection),
  worker: async () => (await import("../pool/converge-pool.ts")).convergePool,
});
