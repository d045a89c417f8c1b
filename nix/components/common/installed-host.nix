# The NixOS module with the configuration that nixops4 needs to reach an installed host. The host's own module can
# override it.
{
  hostName,
  architecture,
  mac,
  bond,
  vlan,
  ip,
  prefixLength,
  gateway,
  nameservers,
  user,
  authorizedKeys,
}:
{
  config,
  lib,
  options,
  pkgs,
  ...
}:
let
  inherit (lib) mkDefault mkIf optionalAttrs;
  bondName = "bond0";
  vlanName = "vlan${toString vlan}";

  # Only physical cards match, since a VLAN has the same MAC address as the card below it.
  cards =
    macs:
    optionalAttrs (vlan != null) { Kind = "!*"; }
    // {
      PermanentMACAddress = lib.concatStringsSep " " macs;
    };
  # The interface with the address, or the one below the VLAN with the address.
  below = if bond == null then cards [ mac ] else { Name = bondName; };

  # udev makes the links to the disks, as the installer did: GRUB is written to them at each switch.
  layout = lib.filterAttrs (_: disk: lib.hasPrefix "/dev/disk/nixops4" disk.device) (
    config.disko.devices.disk or { }
  );
  diskLinks = lib.concatStrings (
    lib.mapAttrsToList (
      name: disk:
      let
        labels = lib.mapAttrsToList (
          partition:
          {
            label ? "disk-${name}-${partition}",
            ...
          }:
          label
        ) (disk.content.partitions or { });
      in
      lib.optionalString (labels != [ ]) ''
        ACTION!="remove", SUBSYSTEM=="block", ENV{DEVTYPE}=="partition", ENV{ID_PART_ENTRY_NAME}=="${lib.concatStringsSep "|" labels}", RUN+="${pkgs.coreutils}/bin/ln -sfn /dev/%P ${disk.device}"
      ''
    ) layout
  );
in
{
  nixpkgs.hostPlatform = mkDefault "${architecture}-linux";
  # The hardware is not known yet.
  hardware = {
    enableAllHardware = mkDefault true;
    enableRedistributableFirmware = mkDefault true;
  }
  # With a hardware report, all network cards would request an address by DHCP.
  // optionalAttrs (options ? hardware.facter) { facter.detected.dhcp.enable = mkDefault false; };
  boot.initrd.availableKernelModules = mkIf config.hardware.enableAllHardware (
    import ../../lib/storage-controllers.nix
  );
  services.udev.extraRules = mkIf (diskLinks != "") diskLinks;
  networking = {
    hostName = mkDefault hostName;
    useNetworkd = mkDefault true;
    useDHCP = mkDefault false;
  };
  systemd.network.netdevs =
    optionalAttrs (bond != null) {
      "40-nixops4-bond" = {
        netdevConfig = {
          Kind = "bond";
          Name = bondName;
        };
        bondConfig = {
          Mode = bond.mode;
          MIIMonitorSec = "100ms";
        };
      };
    }
    // optionalAttrs (vlan != null) {
      "40-nixops4-vlan" = {
        netdevConfig = {
          Kind = "vlan";
          Name = vlanName;
        };
        vlanConfig.Id = vlan;
      };
    };
  systemd.network.networks =
    optionalAttrs (bond != null) {
      "40-nixops4-cards" = {
        matchConfig = cards bond.macs;
        networkConfig.Bond = bondName;
      };
    }
    // optionalAttrs (vlan != null) {
      "40-nixops4-below" = {
        matchConfig = below;
        vlan = [ vlanName ];
        networkConfig.LinkLocalAddressing = "no";
      };
    }
    // {
      "40-nixops4" = {
        matchConfig = if vlan == null then below else { Name = vlanName; };
        address = [ "${ip}/${toString prefixLength}" ];
        gateway = lib.optional (gateway != null) gateway;
        dns = nameservers;
      };
    };
  services.openssh = {
    enable = true;
    # The installer writes the temporary key to this path. A host key of another type would not be known to anybody.
    hostKeys = mkDefault [
      {
        path = "/etc/ssh/ssh_host_ed25519_key";
        type = "ed25519";
      }
    ];
  };
  users.users.${user}.openssh.authorizedKeys.keys = authorizedKeys;
}
