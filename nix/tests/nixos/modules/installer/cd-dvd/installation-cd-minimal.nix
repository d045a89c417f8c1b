{ config, pkgs, ... }:
{
  imports = [ ../../installation-device.nix ];
  # Makes the image depend on its contents.
  system.build.isoImage = pkgs.writeText "nixos.iso" (
    builtins.toJSON {
      inherit (config.system) nixos-generate-config;
      inherit (config.systemd) services;
    }
  );
}
