import { converge, defineResource } from "@nixops4-providers/provider-sdk";
import { check, inputs, outputs, type Inputs, type Outputs } from "../closure/schema.ts";
import docs from "./closure.md";

export const closure = defineResource({
  type: "closure",
  description:
    "Copies a store path, and all that it refers to, from the deploying machine to the Nix store of a host. What is " +
    "there already is not sent again. Nothing keeps the path from being garbage collected.",
  docs,
  stateful: false,
  inputs,
  outputs,
  check,
  ...converge<Inputs, Outputs>(async ({ inputs }, context) => {
    const { convergeClosure } = await import("../closure/converge-closure.ts");
    return convergeClosure(inputs, context);
  }),
});
