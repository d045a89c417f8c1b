{ config, pkgs, ... }:
{
  imports = [ ../../installation-device.nix ];
  # So that the image depends on what goes into it.
  system.build.isoImage = pkgs.writeText "nixos.iso" (
    builtins.toJSON {
      inherit (config.system) nixos-generate-config;
      inherit (config.systemd) services;
    }
  );
}
