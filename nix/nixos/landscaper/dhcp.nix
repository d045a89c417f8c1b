# Makes firmware load iPXE, and iPXE its script, by DHCP: as the DHCP server of the network, or as a proxy beside
# another one.
{ config, lib, ... }:
let
  inherit (lib) mkDefault mkOption types;
  inherit (import ../../lib/types.nix { inherit lib; }) ipv4 ipv4Pattern;
  inherit (import ../../lib/ip.nix { inherit lib; }) inSameNetwork isBefore;
  cfg = config.services.nixops4-landscaper;
  inherit (cfg) dhcp;
  http = "http://${cfg.address}:${toString cfg.bootServer.settings.http.port}";
  option = name: "services.nixops4-landscaper.dhcp.${name}";
  addresses = lib.splitString "," dhcp.range;
  inOrder = !isBefore (lib.last addresses) (lib.head addresses);
  isGivenOut =
    !isBefore cfg.address (lib.head addresses) && !isBefore (lib.last addresses) cfg.address;
  # The prefix length of the server's network, if it is known.
  prefixLength =
    (lib.findFirst (own: own.address == cfg.address) {
      prefixLength = 0;
    } (config.networking.interfaces.${cfg.interface} or { ipv4.addresses = [ ]; }).ipv4.addresses)
    .prefixLength;

  # Lists, since they are merged with other settings of the server's dnsmasq.
  common = {
    # No DNS, and nothing on other networks.
    port = mkDefault 0;
    interface = [ cfg.interface ];
    # Like bind-interfaces, but the interface may appear later.
    bind-dynamic = mkDefault true;
    # iPXE always sends this user class, however it was loaded.
    dhcp-userclass = [ "set:ipxe,iPXE" ];
  };

  modes = {
    dhcp = {
      dhcp-range = [ "${dhcp.range},${dhcp.leaseTime}" ];
      # The client architecture (option 93) tells the kind of firmware. 16 and 19 are HTTP boot.
      dhcp-match = [
        "set:bios,option:client-arch,0"
        "set:efi-x64,option:client-arch,7"
        "set:efi-x64,option:client-arch,9"
        "set:efi-arm64,option:client-arch,11"
        "set:http-x64,option:client-arch,16"
        "set:http-arm64,option:client-arch,19"
      ];
      dhcp-boot = [
        "tag:!ipxe,tag:bios,undionly.kpxe,,${cfg.address}"
        "tag:!ipxe,tag:efi-x64,snponly.efi,,${cfg.address}"
        "tag:!ipxe,tag:efi-arm64,snponly-arm64.efi,,${cfg.address}"
        "tag:!ipxe,tag:http-x64,${http}/nbp/snponly.efi"
        "tag:!ipxe,tag:http-arm64,${http}/nbp/snponly-arm64.efi"
        "tag:ipxe,${http}/boot.ipxe"
      ];
      # Firmware only accepts an offer for HTTP boot with this vendor class.
      dhcp-option-force = [
        "tag:!ipxe,tag:http-x64,option:vendor-class,HTTPClient"
        "tag:!ipxe,tag:http-arm64,option:vendor-class,HTTPClient"
      ];
      dhcp-option = [
        # Tells iPXE not to wait for a proxyDHCP server.
        "tag:ipxe,encap:175,176,1b"
      ]
      ++ lib.optional (dhcp.router != null) "option:router,${dhcp.router}"
      ++ lib.optional (
        dhcp.nameservers != [ ]
      ) "option:dns-server,${lib.concatStringsSep "," dhcp.nameservers}";
    };
    proxy = {
      dhcp-range = [ "${dhcp.range},proxy" ];
      # x64 machines with UEFI may also report BC_EFI.
      pxe-service = [
        "tag:!ipxe,x86PC,\"iPXE\",undionly.kpxe,${cfg.address}"
        "tag:!ipxe,x86-64_EFI,\"iPXE\",snponly.efi,${cfg.address}"
        "tag:!ipxe,BC_EFI,\"iPXE\",snponly.efi,${cfg.address}"
        "tag:!ipxe,ARM64_EFI,\"iPXE\",snponly-arm64.efi,${cfg.address}"
      ];
      # With a proxy, iPXE also needs the server's address.
      dhcp-boot = [ "tag:ipxe,${http}/boot.ipxe,,${cfg.address}" ];
    };
  };
in
{
  options.services.nixops4-landscaper.dhcp = {
    enable = mkOption {
      type = types.bool;
      default = true;
      description = ''
        Whether dnsmasq tells machines what to boot. If not, the DHCP server of the network has to.
      '';
    };
    mode = mkOption {
      type = types.enum (lib.attrNames modes);
      default = "dhcp";
      description = ''
        `dhcp`: this server assigns the addresses, and must be the only DHCP server on the network. `proxy`: another server
        assigns the addresses, and this one only adds what to boot. Some UEFI firmware ignores a proxy.
      '';
    };
    range = mkOption {
      type = types.strMatching "${ipv4Pattern}(,${ipv4Pattern})?";
      example = "10.0.0.100,10.0.0.199";
      description = ''
        With `dhcp`, the first and the last address to assign, separated by a comma. With `proxy`, the address of the network,
        such as `10.0.0.0`.
      '';
    };
    leaseTime = mkOption {
      type = types.strMatching "[0-9]+[smhd]?|infinite";
      default = "12h";
      description = "The lease time of addresses, such as `12h`. Only with `dhcp`.";
    };
    router = mkOption {
      type = types.nullOr ipv4;
      default = null;
      description = ''
        The default router for the machines. When not set, it is this server. Only with `dhcp`.
      '';
    };
    nameservers = mkOption {
      type = types.listOf ipv4;
      default = [ ];
      description = "The DNS servers for the machines. Only with `dhcp`.";
    };
  };

  config = lib.mkIf (cfg.enable && dhcp.enable) {
    assertions = [
      {
        assertion = dhcp.mode == "proxy" || inOrder;
        message = ''
          ${option "range"} is "${dhcp.range}": the first address has to come before the last.
        '';
      }
      {
        assertion = lib.all (inSameNetwork prefixLength cfg.address) addresses;
        message = ''
          ${option "range"} is "${dhcp.range}", which is not on the network of services.nixops4-landscaper.address,
          ${cfg.address}/${toString prefixLength} on ${cfg.interface}.
        '';
      }
      {
        assertion = dhcp.router == null || inSameNetwork prefixLength cfg.address dhcp.router;
        message = ''
          ${option "router"} is ${dhcp.router}, which is not on the network of services.nixops4-landscaper.address,
          ${cfg.address}/${toString prefixLength} on ${cfg.interface}.
        '';
      }
      {
        assertion = dhcp.mode == "proxy" || !inOrder || !isGivenOut;
        message = ''
          ${option "range"} is "${dhcp.range}", which has services.nixops4-landscaper.address, ${cfg.address}, in it.
        '';
      }
      {
        assertion = (dhcp.mode == "dhcp") == lib.hasInfix "," dhcp.range;
        message = ''
          ${option "range"} is "${dhcp.range}": with mode "dhcp" it has to be two addresses with a comma
          between them, with mode "proxy" one.
        '';
      }
    ];
    services.dnsmasq = {
      enable = true;
      resolveLocalQueries = mkDefault false;
      settings = common // modes.${dhcp.mode};
    };
    networking.firewall.interfaces.${cfg.interface} = lib.mkIf cfg.openFirewall {
      # Firmware queries a proxyDHCP server on port 4011.
      allowedUDPPorts = [ 67 ] ++ lib.optional (dhcp.mode == "proxy") 4011;
    };
  };
}
