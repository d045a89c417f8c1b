# The server from which the others are installed: network boot, DHCP, a binary cache for the installers, and nixops4.
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
        The network card on whose network machines are installed. Best a network of its own: anybody on it can see
        what the machines load.
      '';
    };
    address = mkOption {
      type = ipv4;
      example = "10.0.0.1";
      description = "This server's IPv4 address on that network. It has to be a static one.";
    };
    openFirewall = mkOption {
      type = types.bool;
      default = true;
      description = "Whether to open the ports of these services on `interface`.";
    };
  };

  config = lib.mkIf cfg.enable {
    services.nixops4-landscaper.network.enable = lib.mkDefault true;
    # What this system was made from stays: the configuration that the installer image wrote names it by its path, and
    # can be evaluated again without downloading it.
    system.extraDependencies = import ../lib/sources.nix self;
  };
}
