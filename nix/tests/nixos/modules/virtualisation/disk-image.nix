# A stand-in for the module of nixpkgs: a system on a disk with its own layout, and its image.
{ config, lib, ... }:
{
  boot.loader.systemd-boot.enable = lib.mkDefault true;
  fileSystems."/" = {
    autoResize = true;
    device = "/dev/disk/by-label/nixos";
    fsType = "ext4";
  };
  image.filePath = "nixos.qcow2";
  system.build.image = "/nix/store/00000000000000000000000000000000-image-${config.networking.hostName}";
}
