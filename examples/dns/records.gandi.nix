# Mail for a domain in Gandi LiveDNS, which changes the record sets of one name in one step.
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
      server.gandi.token.file = "/var/lib/nixops4/example/gandi-token";
      zone = "example.org";
      records = {
        "@".MX.values = [ "10 mail" ];
        "@".TXT.values = [ "v=spf1 mx -all" ];
        mail.A.values = [ "192.0.2.11" ];
      };
    };
  };
}
