# A state, outside of the flake's folder, and a resource that is recorded in it.
{
  inputs,
  members,
  providers,
  ...
}:
{
  providers.local = inputs.nixops4-providers.modules.nixops4Provider.local;

  members.state = {
    type = providers.local.state_file;
    inputs = {
      name = "/var/lib/nixops4/example/state.json";
      compactAfterEvents = 1000;
    };
  };

  members.created = {
    type = providers.local.exec;
    state = members.state;
    inputs = {
      executable = "date";
      args = [ "--iso-8601=seconds" ];
      once = true;
    };
  };
}
