# The settings of nixpkgs' images that our modules override, with the priorities of nixpkgs.
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
