# A key to log in with, in a file that only its owner can read, and a new one each year.
{
  inputs,
  members,
  providers,
  ...
}:
{
  providers = { inherit (inputs.nixops4-providers.modules.nixops4Provider) local ssh-keypair; };

  members.state = {
    type = providers.local.state_file;
    inputs.name = "/var/lib/nixops4/example/state.json";
  };

  members.deployer = {
    type = providers.ssh-keypair.keypair;
    state = members.state;
    inputs = {
      privateKeyFile = "/var/lib/nixops4/example/deployer";
      comment = "deployer";
      keepers.year = "2026";
    };
  };

  members.authorized_key = {
    type = providers.local.file;
    inputs.name = "/var/lib/nixops4/example/authorized_keys";
    inputs.contents = "${members.deployer.outputs.publicKey}\n";
  };
}
