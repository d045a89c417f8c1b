# An inventory of a host, for other programs on this machine.
{ inputs, providers, ... }:
{
  providers.local = inputs.nixops4-providers.modules.nixops4Provider.local;

  members.inventory = {
    type = providers.local.file;
    inputs = {
      name = "/var/lib/nixops4/example/inventory.json";
      mode = "0640";
      contents = builtins.toJSON { web.address = "192.0.2.10"; };
    };
  };
}
