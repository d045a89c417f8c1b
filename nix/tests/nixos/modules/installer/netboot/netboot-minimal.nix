{
  imports = [ ../../installation-device.nix ];
  system.build = {
    kernel = "/nix/store/00000000000000000000000000000000-linux";
    netbootRamdisk = "/nix/store/00000000000000000000000000000000-initrd";
  };
}
