# Waits until a rented server is up, and names the boot that it found.
{
  inputs,
  providers,
  members,
  ...
}:
{
  providers = { inherit (inputs.nixops4-providers.modules.nixops4Provider) local ssh; };

  members.web_up = {
    type = providers.ssh.wait;
    inputs = {
      connection = {
        host = "192.0.2.10";
        # As the provider's console shows it: `ssh-keygen -y -f /etc/ssh/ssh_host_ed25519_key`.
        hostPublicKeys = [
          "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPzM5VNMcVmkPFE7chyWtdkYVCtMaeG2a2YCrSxS7VHL"
        ];
        privateKey.file = "/var/lib/nixops4/example/deployer";
      };
      timeoutSeconds = 900;
    };
  };

  members.boot = {
    type = providers.local.file;
    inputs.name = "/var/lib/nixops4/example/boot-id";
    inputs.contents = members.web_up.outputs.bootId;
  };
}
