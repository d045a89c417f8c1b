# The address of a host and its PTR record, by PowerDNS's HTTP API.
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
      server.powerdns = {
        url = "http://127.0.0.1:8081";
        apiKey.file = "/var/lib/nixops4/example/powerdns-api-key";
      };
      zone = "example.org";
      name = "web";
      type = "A";
      ttl = 300;
      values = [ "192.0.2.10" ];
      reverse = true;
    };
  };
}
