import { defineResource } from "@nixops4-providers/provider-sdk";
import { check, inputs, outputs } from "../records/schema.ts";
import docs from "./records.md";

export const records = defineResource({
  type: "records",
  description:
    "Many record sets of one zone, changed together: with the guarantees of `record_set`, and when one of them is " +
    'refused, none is changed. `require = [ "one-step" ]` refuses kinds of servers that change one after another.',
  docs,
  stateful: true,
  inputs,
  outputs,
  check,
  worker: async () => (await import("../records/converge-records.ts")).convergeRecords,
});
