{ lib, ... }:
{
  imports = [ ../../installation-device.nix ];
  # The module of nixpkgs also leaves out firmware, to make images small.
  hardware.enableRedistributableFirmware = lib.mkOverride 70 false;
  networking.networkmanager.enable = lib.mkOverride 500 false;
  system.extraDependencies = lib.mkOverride 70 [ ];
  system.build = {
    kernel = "/nix/store/00000000000000000000000000000000-linux";
    netbootRamdisk = "/nix/store/00000000000000000000000000000000-initrd";
  };
}
