import { defineProvider } from "@nixops4-providers/provider-sdk";
import { recordSet } from "./resources/record-set.ts";
import { records } from "./resources/records.ts";
import { zone } from "./resources/zone.ts";

export const provider = defineProvider({
  name: "dns",
  executable: "nixops4-resources-dns",
  description:
    "DNS records that are checked before they are sent, owned, read back, and served by every name server.",
  resources: [recordSet, records, zone],
});
