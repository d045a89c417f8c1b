# The address of a website, by Cloudflare's proxy. The TTL 1 means that Cloudflare chooses it.
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
      server.cloudflare = {
        token.file = "/var/lib/nixops4/example/cloudflare-token";
        proxied = true;
      };
      zone = "example.org";
      name = "web";
      type = "A";
      ttl = 1;
      values = [ "192.0.2.10" ];
    };
  };
}
