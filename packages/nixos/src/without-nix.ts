import { ProviderError } from "@nixops4-providers/provider-sdk";

export function withoutNix(label: string): ProviderError {
  return new ProviderError(`${label} has no Nix: nix-store was not found`, {
    hint: "Install NixOS or Nix on the host first; a command over SSH must find `nix-store` on its PATH.",
  });
}
