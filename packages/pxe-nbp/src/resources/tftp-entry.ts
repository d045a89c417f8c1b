import { defineResource } from "@nixops4-providers/provider-sdk";
import { check, inputs, outputs } from "../tftp-entry/schema.ts";
import docs from "./tftp-entry.md";

export const tftpEntry = defineResource({
  type: "tftp_entry",
  description:
    "What one machine boots from an existing TFTP server: files for PXELINUX and for iPXE in the server's folder, on " +
    "the machine that runs nixops4. Each file is replaced atomically. A file with the right contents is not written. " +
    "A file that this resource type did not write is refused. The machine boots this at each network boot: for " +
    "installs use `boot_entry`.",
  docs,
  stateful: false,
  inputs,
  outputs,
  check,
  worker: async () => (await import("../tftp-entry/sync-loader-files.ts")).syncLoaderFiles,
});
