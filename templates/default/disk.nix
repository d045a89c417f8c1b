# How the disk of a machine is divided: a partition for EFI to boot from, and one for everything else.
# A mirror, an encrypted disk and a ZFS pool are in the folder `disks`. Other layouts: https://github.com/nix-community/disko/tree/master/example
{
  disko.devices.disk.main = {
    # The disk that the installer has chosen: the only one of at least 8 GB, and only when there is nothing on it. Where
    # that does not hold, say so for the machine: `disk.serial = "S64ANS0T123456";` is the one disk to take,
    # `disk.allowWipe = true;` gives up the data on it.
    device = "/dev/disk/nixops4";
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
        root = {
          size = "100%";
          content = {
            type = "filesystem";
            format = "ext4";
            mountpoint = "/";
          };
        };
      };
    };
  };
  boot.loader.systemd-boot.enable = true;
}
