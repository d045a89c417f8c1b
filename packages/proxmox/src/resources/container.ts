import { defineResource } from "@nixops4-providers/provider-sdk";
import { checkContainer } from "../container/check.ts";
import { inputs, outputs } from "../container/schema.ts";
import docs from "./container.md";

export const container = defineResource({
  type: "container",
  description:
    "A Linux container (LXC). As with `vm`, neither the container nor a volume is ever destroyed or recreated because an input changed. " +
    "All inputs but `nesting` and the options of `mountPoints` can change while it runs.",
  docs,
  stateful: true,
  inputs,
  outputs,
  check: checkContainer,
  worker: async () => (await import("../container/converge-container.ts")).convergeContainer,
});
