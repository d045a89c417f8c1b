# Mail for a domain, by dynamic updates: all in one message, so that it changes together or not at all.
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
      server.rfc2136 = {
        address = "ns1.example.org";
        tsig = {
          name = "deploy";
          secret.file = "/var/lib/nixops4/example/tsig-secret";
        };
      };
      tooLarge = "refuse";
      zone = "example.org";
      records = {
        "@".MX.values = [ "10 mail" ];
        "@".TXT.values = [ "v=spf1 mx -all" ];
        mail.A.values = [ "192.0.2.11" ];
      };
    };
  };
}
