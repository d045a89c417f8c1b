# The address of a host, by dynamic updates that a TSIG key signs.
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
      server.rfc2136 = {
        address = "ns1.example.org";
        tsig = {
          name = "deploy";
          secret.file = "/var/lib/nixops4/example/tsig-secret";
        };
      };
      zone = "example.org";
      name = "web";
      type = "A";
      ttl = 300;
      values = [ "192.0.2.10" ];
    };
  };
}
