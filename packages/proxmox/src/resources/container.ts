import { defineResource } from "@nixops4-providers/provider-sdk";
import { checkContainer } from "../container/check.ts";
import { inputs, outputs } from "../container/schema.ts";
import docs from "./container.md";

export const container = defineResource({
  type: "container",
  description:
    "A Linux container (LXC). As with `vm`, neither it nor a volume is ever destroyed or made again because an input changed. " +
    "All but `nesting` and options of `mountPoints` changes while it runs.",
  docs,
  stateful: true,
  inputs,
  outputs,
  check: checkContainer,
  worker: async () => (await import("../container/converge-container.ts")).convergeContainer,
});
