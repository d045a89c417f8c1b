import { defineResource } from "@nixops4-providers/provider-sdk";
import { check, inputs, outputs } from "../record-set/schema.ts";
import docs from "./record-set.md";

export const recordSet = defineResource({
  type: "record_set",
  description:
    "All records of one name and type. They are created only where there are none, and replaced only when they are " +
    "what was last seen; a change leaves no moment without an answer. It is done when the records have been read back " +
    "and every name server serves them.",
  docs,
  stateful: true,
  inputs,
  outputs,
  check,
  worker: async () => (await import("../record-set/converge-record-set.ts")).convergeRecordSet,
});
