# The configuration of the machines in `proxmoxMACs`. All NixOS options can be set here: https://search.nixos.org/options
{ pkgs, ... }:
{
  environment.systemPackages = [ pkgs.htop ];

  # The release that they were first installed with. Do not change it.
  system.stateVersion = "26.11";
}
