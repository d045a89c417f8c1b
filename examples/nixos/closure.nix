# Copies the next NixOS system of a host to its store, so that activating it takes no time later.
{ inputs, providers, ... }:
let
  web = inputs.nixpkgs.lib.nixosSystem {
    modules = [ { networking.hostName = "web"; } ];
  };
in
{
  providers.nixos = inputs.nixops4-providers.modules.nixops4Provider.nixos;

  members.web_closure = {
    type = providers.nixos.closure;
    inputs = {
      connection = {
        host = "192.0.2.10";
        hostPublicKeys = [
          "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPzM5VNMcVmkPFE7chyWtdkYVCtMaeG2a2YCrSxS7VHL"
        ];
        privateKey.file = "/var/lib/nixops4/example/deployer";
      };
      path = "${web.config.system.build.toplevel}";
    };
  };
}
