# A rescue system that a machine boots from an existing TFTP server, at each network boot.
{ inputs, providers, ... }:
{
  providers.pxe-nbp = inputs.nixops4-providers.modules.nixops4Provider.pxe-nbp;

  members.rescue = {
    type = providers.pxe-nbp.tftp_entry;
    inputs = {
      root = "/srv/tftp";
      macs = [ "52:54:00:12:34:56" ];
      kernel = "debian/linux";
      initrd = "debian/initrd.gz";
      cmdline = [
        "console=ttyS0"
        "rescue/enable=true"
      ];
    };
  };
}
