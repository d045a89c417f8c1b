# A ZFS pool on one disk. For a mirror, see mirror.nix for how to name a second disk, add its partition of the type
# `zfs` here, and set `mode = "mirror"`.
{ config, ... }:
{
  disko.devices = {
    disk.main = {
      device = "/dev/disk/nixops4";
      type = "disk";
      content = {
        type = "gpt";
        partitions = {
          boot = {
            type = "EF00";
            size = "1G";
            content = {
              type = "filesystem";
              format = "vfat";
              mountpoint = "/boot";
              mountOptions = [ "umask=0077" ];
            };
          };
          pool = {
            size = "100%";
            content = {
              type = "zfs";
              pool = "${config.networking.hostName}-root";
            };
          };
        };
      };
    };
    # The name must be different from that of any other pool on the machine's disks.
    zpool."${config.networking.hostName}-root" = {
      type = "zpool";
      rootFsOptions = {
        compression = "zstd";
        mountpoint = "none";
      };
      datasets.root = {
        type = "zfs_fs";
        mountpoint = "/";
        options.mountpoint = "legacy";
      };
    };
  };
  # ZFS requires a number that is unique among the machines with access to the same disks.
  networking.hostId = builtins.substring 0 8 (
    builtins.hashString "sha256" config.networking.hostName
  );
  # Some disks, such as those of virtual machines, have no name in `/dev/disk/by-id`. The partitions of this layout have
  # one here.
  boot.zfs.devNodes = "/dev/disk/by-partuuid";
  boot.loader.systemd-boot.enable = true;
}
