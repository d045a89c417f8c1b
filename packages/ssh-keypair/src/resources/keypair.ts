import { defineResource } from "@nixops4-providers/provider-sdk";
import { check, inputs, outputs } from "../keypair/schema.ts";
import docs from "./keypair.md";

export const keypair = defineResource({
  type: "keypair",
  description:
    "An SSH key pair for a user or a host. The key stays the same until `algorithm`, `bits` or `keepers` change: " +
    "a private key file that got lost or damaged is an error, never a reason for a new key.",
  docs,
  stateful: true,
  inputs,
  outputs,
  check,
  worker: async () => (await import("../keypair/ensure-key-pair.ts")).ensureKeyPair,
});
