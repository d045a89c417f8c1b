# A secret and a public file on a host.
{ inputs, providers, ... }:
let
  connection = {
    host = "192.0.2.10";
    hostPublicKeys = [
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPzM5VNMcVmkPFE7chyWtdkYVCtMaeG2a2YCrSxS7VHL"
    ];
    privateKey.file = "/var/lib/nixops4/example/deployer";
  };
in
{
  providers.ssh = inputs.nixops4-providers.modules.nixops4Provider.ssh;

  members.motd = {
    type = providers.ssh.file;
    inputs = {
      inherit connection;
      path = "/etc/motd";
      contents = "Deployed by nixops4.\n";
    };
  };

  # Read when it is applied: it is in no Nix store, state or log.
  members.database_password = {
    type = providers.ssh.file;
    inputs = {
      inherit connection;
      path = "/etc/database-password";
      secret.file = "/var/lib/nixops4/example/database-password";
      mode = "0400";
      owner = "postgres";
      group = "postgres";
    };
  };
}
