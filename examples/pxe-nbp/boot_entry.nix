# What one machine boots from the network, once: a kernel, a ramdisk with an installer, and a file for it alone.
{ inputs, providers, ... }:
{
  providers.pxe-nbp = inputs.nixops4-providers.modules.nixops4Provider.pxe-nbp;

  members.rack1 = {
    type = providers.pxe-nbp.boot_entry;
    inputs = {
      # The boot service on this machine; over the network, `server.address` and certificates.
      macs = [ "52:54:00:12:34:56" ];
      kernel = "/srv/installer/bzImage";
      initrd = "/srv/installer/initrd";
      cmdline = [
        "console=ttyS0"
        "quiet"
      ];
      files."/install/enrollment-token".secret.file = "/var/lib/nixops4/example/enrollment-token";
      # A higher number installs the machine again, which wipes its disk.
      installGeneration = 1;
    };
  };
}
