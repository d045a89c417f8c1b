# NixOS module: what a host needs to be reached by nixops4 after it was installed. The host's own module may differ.
{
  hostName,
  architecture,
  macs,
  ip,
  prefixLength,
  gateway,
  nameservers,
  user,
  authorizedKeys,
}:
{ lib, ... }:
let
  inherit (lib) mkDefault;
in
{
  nixpkgs.hostPlatform = mkDefault "${architecture}-linux";
  # Nobody has seen the machine yet.
  hardware.enableAllHardware = mkDefault true;
  networking = {
    hostName = mkDefault hostName;
    useNetworkd = mkDefault true;
    useDHCP = mkDefault false;
  };
  systemd.network.networks."40-nixops4" = {
    matchConfig.PermanentMACAddress = lib.concatStringsSep " " macs;
    address = [ "${ip}/${toString prefixLength}" ];
    gateway = lib.optional (gateway != null) gateway;
    dns = nameservers;
  };
  services.openssh = {
    enable = true;
    # The installer puts the temporary key there. A key of another kind, which nobody knows, would only be in the way.
    hostKeys = mkDefault [
      {
        path = "/etc/ssh/ssh_host_ed25519_key";
        type = "ed25519";
      }
    ];
  };
  users.users.${user}.openssh.authorizedKeys.keys = authorizedKeys;
}
