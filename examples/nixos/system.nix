# A NixOS system on a host, with health checks: when one fails, the host goes back to the system before.
{ inputs, providers, ... }:
let
  web = inputs.nixpkgs.lib.nixosSystem {
    modules = [
      {
        networking.hostName = "web";
        services.nginx.enable = true;
        # Also the hardware of the host, its file systems and its boot loader.
      }
    ];
  };
in
{
  providers.nixos = inputs.nixops4-providers.modules.nixops4Provider.nixos;

  members.web = {
    type = providers.nixos.system;
    inputs = {
      connection = {
        host = "192.0.2.10";
        hostPublicKeys = [
          "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPzM5VNMcVmkPFE7chyWtdkYVCtMaeG2a2YCrSxS7VHL"
        ];
        privateKey.file = "/var/lib/nixops4/example/deployer";
      };
      toplevel = "${web.config.system.build.toplevel}";
      healthChecks = [
        { http.url = "http://192.0.2.10/"; }
        { command = "systemctl is-active nginx"; }
      ];
      reboot = "when-needed";
    };
  };
}
