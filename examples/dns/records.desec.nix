# All records of a website at deSEC in one request: it takes 300 writes a day. They change in one step, or are refused.
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

  members.website = {
    type = providers.dns.records;
    state = members.state;
    inputs = {
      server.desec.token.file = "/var/lib/nixops4/example/desec-token";
      require = [ "one-step" ];
      zone = "example.org";
      records = {
        "@".A.values = [ "192.0.2.10" ];
        www.CNAME.values = [ "example.org." ];
        www-v6.AAAA.values = [ "2001:db8::10" ];
      };
    };
  };
}
