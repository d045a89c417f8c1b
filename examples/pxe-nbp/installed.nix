# Waits until a machine has installed itself, and then for its SSH server.
{
  inputs,
  members,
  providers,
  ...
}:
{
  providers = { inherit (inputs.nixops4-providers.modules.nixops4Provider) pxe-nbp ssh; };

  members.rack1_entry = {
    type = providers.pxe-nbp.boot_entry;
    inputs = {
      macs = [ "52:54:00:12:34:56" ];
      kernel = "/srv/installer/bzImage";
      initrd = "/srv/installer/initrd";
    };
  };

  members.rack1_installed = {
    type = providers.pxe-nbp.installed;
    inputs = {
      entryId = members.rack1_entry.outputs.entryId;
      timeoutSeconds = 7200;
    };
  };

  members.rack1 = {
    type = providers.ssh.exec;
    inputs = {
      connection = {
        host = "10.0.0.11";
        hostPublicKeys = [
          "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPzM5VNMcVmkPFE7chyWtdkYVCtMaeG2a2YCrSxS7VHL"
        ];
        privateKey.file = "/var/lib/nixops4/example/deployer";
      };
      # Naming an output makes this member wait for the other.
      argv = [
        "logger"
        "installed at ${members.rack1_installed.outputs.installedAt}"
      ];
    };
  };
}
