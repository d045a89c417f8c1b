# What nixpkgs' images set that ours overrule, with nixpkgs' priorities.
{ lib, ... }:
{
  documentation.enable = lib.mkOverride 60 true;
  documentation.nixos.enable = lib.mkOverride 60 true;
  hardware.enableAllHardware = true;
  hardware.enableRedistributableFirmware = lib.mkDefault true;
  networking.networkmanager.enable = true;
  services.openssh.enable = lib.mkDefault true;
  services.openssh.settings.PermitRootLogin = lib.mkDefault "yes";
  system.extraDependencies = [ "/nix/store/00000000000000000000000000000000-stdenv" ];
}
