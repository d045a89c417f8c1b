# The address of a host at deSEC, which takes no TTL below the minimum of the domain, 3600 seconds by default.
{
  inputs,
  members,
  providers,
  ...
}:
{
  providers = { inherit (inputs.nixops4-providers.modules.nixops4Provider) dns local; };

  members.state = {
    type = providers.local.state_file;
    inputs.name = "/var/lib/nixops4/example/state.json";
  };

  members.web_address = {
    type = providers.dns.record_set;
    state = members.state;
    inputs = {
      server.desec.token.file = "/var/lib/nixops4/example/desec-token";
      zone = "example.org";
      name = "web";
      type = "A";
      ttl = 3600;
      values = [ "192.0.2.10" ];
    };
  };
}
