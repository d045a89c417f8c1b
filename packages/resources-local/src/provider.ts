import { defineProvider } from "@nixops4-providers/provider-sdk";
import { exec } from "./resources/exec.ts";
import { file } from "./resources/file.ts";
import { memo } from "./resources/memo.ts";
import { stateFile } from "./resources/state-file.ts";

export const provider = defineProvider({
  name: "local",
  executable: "nixops4-resources-local",
  description:
    "Files, commands, remembered values and deployment state on the machine that runs nixops4. It replaces the " +
    "`local` provider that comes with nixops4, with the same types, inputs, outputs and state files.",
  resources: [file, exec, memo, stateFile],
});
