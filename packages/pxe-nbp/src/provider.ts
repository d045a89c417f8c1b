import { defineProvider } from "@nixops4-providers/provider-sdk";
import { bootEntry } from "./resources/boot-entry.ts";
import { installed } from "./resources/installed.ts";
import { tftpEntry } from "./resources/tftp-entry.ts";

export const provider = defineProvider({
  name: "pxe-nbp",
  executable: "nixops4-resources-pxe-nbp",
  description:
    "Declares what machines boot from the network, waits until they have installed themselves, and writes the files " +
    "of other TFTP servers.",
  resources: [bootEntry, installed, tftpEntry],
});
