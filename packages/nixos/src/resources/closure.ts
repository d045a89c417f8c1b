import { defineResource } from "@nixops4-providers/provider-sdk";
import { check, inputs, outputs } from "../closure/schema.ts";
import docs from "./closure.md";

export const closure = defineResource({
  type: "closure",
  description:
    "Copies a store path with its closure from the deploying machine to the Nix store of a host. Paths that the host already " +
    "has are not sent. The path is not protected from garbage collection.",
  docs,
  stateful: false,
  inputs,
  outputs,
  check,
  worker: async () => (await import("../closure/converge-closure.ts")).convergeClosure,
});
