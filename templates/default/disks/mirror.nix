# A mirror of two disks: the machine boots and runs with either of them. For a machine with this layout, select each disk by
# a unique property:
#
#     disk.serial = "S64ANS0T123456";
#     disks.second.serial = "S64ANS0T123457";
let
  disk = device: {
    inherit device;
    type = "disk";
    content = {
      type = "gpt";
      partitions = {
        bios = {
          type = "EF02";
          size = "1M";
        };
        esp = {
          type = "EF00";
          size = "1G";
          content = {
            type = "mdraid";
            name = "boot";
          };
        };
        root = {
          size = "100%";
          content = {
            type = "mdraid";
            name = "root";
          };
        };
      };
    };
  };
in
{
  disko.devices = {
    disk.main = disk "/dev/disk/nixops4";
    disk.second = disk "/dev/disk/nixops4-second";
    mdadm = {
      boot = {
        type = "mdadm";
        level = 1;
        # Metadata at the end of the partitions, since the firmware reads each of them as a file system.
        metadata = "1.0";
        content = {
          type = "filesystem";
          format = "vfat";
          mountpoint = "/boot";
          mountOptions = [ "umask=0077" ];
        };
      };
      root = {
        type = "mdadm";
        level = 1;
        content = {
          type = "filesystem";
          format = "ext4";
          mountpoint = "/";
        };
      };
    };
  };
  boot.loader.grub = {
    enable = true;
    efiSupport = true;
    efiInstallAsRemovable = true;
  };
  # mdadm requires an address for reports about failed disks.
  boot.swraid.mdadmConf = "MAILADDR root";
}
