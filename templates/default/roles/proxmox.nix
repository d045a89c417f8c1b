# What the machines in `proxmoxMACs` run. All options of NixOS can be set here: https://search.nixos.org/options
{ pkgs, ... }:
{
  environment.systemPackages = [ pkgs.htop ];

  # The release that they were first installed with: it stays as it is.
  system.stateVersion = "26.11";
}
