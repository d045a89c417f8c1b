import { defineProvider } from "@nixops4-providers/provider-sdk";
import { thing } from "./resources/thing.ts";

export const provider = defineProvider({
  name: "template",
  executable: "nixops4-resources-template",
  description: "Things of the template service.",
  resources: [thing],
});
