# A host key that the host makes itself, in place of the one that its image came with.
{
  inputs,
  members,
  providers,
  ...
}:
let
  login.privateKey.file = "/var/lib/nixops4/example/deployer";
in
{
  providers = { inherit (inputs.nixops4-providers.modules.nixops4Provider) local ssh; };

  members.state = {
    type = providers.local.state_file;
    inputs.name = "/var/lib/nixops4/example/state.json";
  };

  members.web_host_key = {
    type = providers.ssh.host_key;
    state = members.state;
    inputs.connection = login // {
      host = "192.0.2.10";
      # The key in the image.
      hostPublicKeys = [
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPzM5VNMcVmkPFE7chyWtdkYVCtMaeG2a2YCrSxS7VHL"
      ];
    };
  };

  # Whatever talks to the host afterwards takes its own key.
  members.uptime = {
    type = providers.ssh.exec;
    inputs.connection = login // {
      host = "192.0.2.10";
      hostPublicKeys = [ members.web_host_key.outputs.hostPublicKey ];
    };
    inputs.command = "uptime";
  };
}
