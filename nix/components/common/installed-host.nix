# NixOS module: what a host needs to be reached by nixops4 after it was installed. The host's own module may differ.
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

  # Physical cards: a VLAN has the address of the card below it.
  cards =
    macs:
    optionalAttrs (vlan != null) { Kind = "!*"; }
    // {
      PermanentMACAddress = lib.concatStringsSep " " macs;
    };
  # What has the address, but for a VLAN.
  below = if bond == null then cards [ mac ] else { Name = bondName; };

  # After a restart nobody makes the links that the installer has made, and GRUB is to be written there at each switch.
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
  # Nobody has seen the machine yet.
  hardware = {
    enableAllHardware = mkDefault true;
    enableRedistributableFirmware = mkDefault true;
  }
  # A report of the hardware would let all network cards ask for an address.
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
