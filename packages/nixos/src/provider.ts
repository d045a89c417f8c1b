import { defineProvider } from "@nixops4-providers/provider-sdk";
import { closure } from "./resources/closure.ts";
import { system } from "./resources/system.ts";

export const provider = defineProvider({
  name: "nixos",
  executable: "nixops4-resources-nixos",
  description:
    "Copies NixOS systems to hosts over SSH, activates them, and rolls back what is not confirmed.",
  resources: [system, closure],
});
