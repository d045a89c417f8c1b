# As nixpkgs' own: a system on a disk of its own layout, and its image.
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
