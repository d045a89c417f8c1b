# Mail for a domain: record sets that change together or not at all.
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

  members.mail_records = {
    type = providers.dns.records;
    state = members.state;
    inputs = {
      server.powerdns = {
        url = "http://127.0.0.1:8081";
        apiKey.file = "/var/lib/nixops4/example/powerdns-api-key";
      };
      zone = "example.org";
      records = {
        "@".MX.values = [ "10 mail" ];
        "@".TXT.values = [ "v=spf1 mx -all" ];
        mail.A.values = [ "192.0.2.11" ];
      };
    };
  };
}
