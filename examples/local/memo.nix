# Remembers with which version a database was created, whatever the expression says later.
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
    inputs.name = "/var/lib/nixops4/example/state.json";
  };

  members.database_version = {
    type = providers.local.memo;
    state = members.state;
    inputs.initialize_with = "16";
  };

  members.version_file = {
    type = providers.local.file;
    inputs.name = "/var/lib/nixops4/example/database-version";
    inputs.contents = members.database_version.outputs.value;
  };
}
