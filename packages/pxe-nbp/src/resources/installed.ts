import { defineResource } from "@nixops4-providers/provider-sdk";
import { check, inputs, outputs } from "../installed/schema.ts";
import docs from "./installed.md";

export const installed = defineResource({
  type: "installed",
  description:
    "Waits until a machine has reported that it is installed, and shows how far it is. An install that was refused " +
    "by the installer, failed or was interrupted is an error with the stage and the last lines of the log; the last two, " +
    'where the entry says `onInterrupted = "retry"`, are a warning. A machine that is installed already is not waited for.',
  docs,
  stateful: false,
  inputs,
  outputs,
  check,
  worker: async () => (await import("../installed/wait-for-install.ts")).waitForInstall,
});
