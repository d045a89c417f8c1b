# The server that installs the others: network boot, DHCP, a binary cache for the installers, and nixops4.
{ self, ... }:
{ config, lib, ... }:
let
  inherit (lib) mkEnableOption mkOption types;
  inherit (import ../lib/modules.nix { inherit lib; }) keyed;
  inherit (import ../lib/types.nix { inherit lib; }) ipv4;
  cfg = config.services.nixops4-landscaper;
in
{
  imports = [
    (keyed ./landscaper/apply.nix { inherit self; })
    (keyed ./landscaper/boot-server.nix { inherit self; })
    ./landscaper/cache.nix
    ./landscaper/dhcp.nix
    (keyed ./landscaper/network-template.nix { inherit self; })
  ];

  options.services.nixops4-landscaper = {
    enable = mkEnableOption "the services of a landscaper, which other machines are installed from";
    interface = mkOption {
      type = types.nonEmptyStr;
      example = "enp1s0";
      description = ''
        The network interface for installs. Use a separate network: everyone on it can read what the machines
        download.
      '';
    };
    address = mkOption {
      type = ipv4;
      example = "10.0.0.1";
      description = "The static IPv4 address of this server on that network.";
    };
    openFirewall = mkOption {
      type = types.bool;
      default = true;
      description = "Whether to open the ports of these services on `interface`.";
    };
  };

  config = lib.mkIf cfg.enable {
    services.nixops4-landscaper.network.enable = lib.mkDefault true;
    # Keeps the sources of this system, since the configuration of the installer image refers to them by path. It can
    # then be evaluated without a download.
    system.extraDependencies = import ../lib/sources.nix self;
  };
}
