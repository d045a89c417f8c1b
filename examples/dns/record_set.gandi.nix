# The address of a host in Gandi LiveDNS, which takes no TTL below 300 seconds.
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
      server.gandi.token.file = "/var/lib/nixops4/example/gandi-token";
      zone = "example.org";
      name = "web";
      type = "A";
      ttl = 300;
      values = [ "192.0.2.10" ];
    };
  };
}
