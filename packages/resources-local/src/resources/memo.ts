import { defineResource, fields, ProviderError, Type } from "@nixops4-providers/provider-sdk";
import docs from "./memo.md";

const inputs = fields({
  initialize_with: Type.Unknown({
    description: "The value to remember. It is read only when the memo is created.",
  }),
});

const outputs = fields({
  value: Type.Unknown({ description: "The value of `initialize_with` when the memo was created." }),
});

export const memo = defineResource({
  type: "memo",
  description:
    "Remembers a value for as long as its state exists, even if the expression changes. For values that must not " +
    "change after the first deployment, such as NixOS' `system.stateVersion`.",
  docs,
  stateful: true,
  inputs,
  outputs,
  async create({ inputs }) {
    return { value: inputs.initialize_with };
  },
  async update({ previous }) {
    if (previous === undefined || !("value" in previous.outputs)) {
      throw new ProviderError("cannot keep the value of a memo: none is recorded in the state");
    }
    return { value: previous.outputs.value };
  },
});
