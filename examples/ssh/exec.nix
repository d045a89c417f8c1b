# Makes a swap file on a host, once, and asks how much swap space there is.
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

  members.swap_file = {
    type = providers.ssh.exec;
    inputs = {
      inherit connection;
      command = "fallocate -l 2G /swap.new && chmod 600 /swap.new && mkswap /swap.new && mv /swap.new /swap";
      creates = "/swap";
      timeoutSeconds = 120;
    };
  };

  members.swap = {
    type = providers.ssh.exec;
    inputs = {
      inherit connection;
      argv = [
        "cat"
        "/proc/swaps"
      ];
    };
  };
}
