# A signed zone on a PowerDNS server.
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

  members.example_org = {
    type = providers.dns.zone;
    state = members.state;
    inputs = {
      server.powerdns = {
        url = "http://127.0.0.1:8081";
        apiKey.file = "/var/lib/nixops4/example/powerdns-api-key";
      };
      name = "example.org";
      nameServers = [
        "ns1.example.org"
        "ns2.example.net"
      ];
      dnssec = true;
    };
  };
}
