import { defineProvider } from "@nixops4-providers/provider-sdk";
import { keypair } from "./resources/keypair.ts";

export const provider = defineProvider({
  name: "ssh-keypair",
  executable: "nixops4-resources-ssh-keypair",
  description:
    "SSH key pairs whose private half stays out of the state and the Nix store: in a file that only its owner " +
    "can read, or encrypted for age recipients.",
  resources: [keypair],
});
