import { defineResource } from "@nixops4-providers/provider-sdk";
import { check, inputs, outputs } from "../host-key/schema.ts";
import docs from "./host-key.md";

export const hostKey = defineResource({
  type: "host_key",
  description:
    "A host key that the host generates and that never leaves it, which replaces the key of the installation. The resource waits " +
    "for SSH with the keys in `connection.hostPublicKeys`, lets the old key sign a statement about the new one, and tests a " +
    "login with the new key before it replaces the old one. An interrupted run is continued by the next one: a host that " +
    "presents an unknown key is accepted only with such a statement by a known key. Concurrent runs wait for each other. Until the new key is in the " +
    "state, anybody who has the private half of a key in `hostPublicKeys` can make such a statement. From then on only " +
    "the recorded key counts, and a key that is added to `hostPublicKeys` later.",
  docs,
  stateful: true,
  inputs,
  outputs,
  check,
  worker: async () => (await import("../host-key/ensure-host-key.ts")).ensureHostKey,
});
