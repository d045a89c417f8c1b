# An encrypted disk. Create a passphrase on the landscaper, and set its file for the machine. The installer gets it as a
# secret, and the console of the machine asks for it at each boot:
#
#     (umask 077; tr -dc a-z0-9 </dev/urandom | head -c 32 >/var/lib/nixops4/host1-disk)
#
#     installer.secretFiles.disk = "/var/lib/nixops4/host1-disk";
{
  disko.devices.disk.main = {
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
        encrypted = {
          size = "100%";
          content = {
            type = "luks";
            name = "root";
            passwordFile = "/run/nixops4/disk";
            content = {
              type = "filesystem";
              format = "ext4";
              mountpoint = "/";
            };
          };
        };
      };
    };
  };
  boot.loader.systemd-boot.enable = true;
}
