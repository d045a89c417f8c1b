import { defineProvider } from "@nixops4-providers/provider-sdk";
import { exec } from "./resources/exec.ts";
import { file } from "./resources/file.ts";
import { hostKey } from "./resources/host-key.ts";
import { wait } from "./resources/wait.ts";

export const provider = defineProvider({
  name: "ssh",
  executable: "nixops4-resources-ssh",
  description:
    "Waits for hosts, runs commands on them, puts files there and rotates their host keys, over SSH with pinned host keys.",
  resources: [wait, exec, file, hostKey],
});
