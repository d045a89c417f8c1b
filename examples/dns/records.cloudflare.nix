# Mail for a domain at Cloudflare, which changes up to 200 records in one step.
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
      server.cloudflare.token.file = "/var/lib/nixops4/example/cloudflare-token";
      zone = "example.org";
      records = {
        "@".MX.values = [ "10 mail" ];
        "@".TXT.values = [ "v=spf1 mx -all" ];
        mail.A.values = [ "192.0.2.11" ];
      };
    };
  };
}
