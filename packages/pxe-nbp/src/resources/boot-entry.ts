import { defineResource } from "@nixops4-providers/provider-sdk";
import { check, inputs, outputs } from "../boot-entry/schema.ts";
import docs from "./boot-entry.md";

export const bootEntry = defineResource({
  type: "boot_entry",
  description:
    "What one machine boots from the boot service to install itself. It is installed once for each " +
    "`installGeneration`: applying again, also with a new kernel or command line, never wipes a machine that has been " +
    "installed. Nothing is turned on or waited for: see `installed`.",
  docs,
  stateful: false,
  inputs,
  outputs,
  check,
  worker: async () => (await import("../boot-entry/sync-boot-entry.ts")).syncBootEntry,
});
