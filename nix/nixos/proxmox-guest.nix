# A virtual machine of the provider `proxmox`: the guest agent, a serial console, and a root file system that grows with
# the disk.
_:
{ lib, ... }:
{
  boot = {
    growPartition = lib.mkDefault true;
    initrd.availableKernelModules = [
      "sd_mod"
      "virtio_blk"
      "virtio_net"
      "virtio_pci"
      "virtio_scsi"
    ];
    kernelParams = [
      "console=tty0"
      "console=ttyS0,115200"
    ];
  };
  fileSystems."/".autoResize = lib.mkDefault true;
  services.qemuGuest.enable = true;
}
