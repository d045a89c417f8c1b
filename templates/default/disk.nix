# The disk layout of a machine: an EFI system partition, and a partition for everything else.
# A mirror, an encrypted disk and a ZFS pool are in the folder `disks`. Other layouts: https://github.com/nix-community/disko/tree/master/example
{
  disko.devices.disk.main = {
    # The disk that the installer selects. By default this is the only disk of at least 8 GB, and it must be empty.
    # Otherwise set options for the machine: `disk.serial = "S64ANS0T123456";` selects a disk, and
    # `disk.allowWipe = true;` allows to wipe its data.
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
