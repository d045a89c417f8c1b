# The options of a component that evaluates a NixOS configuration.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
in
{
  options = {
    nixpkgs = mkOption {
      type = types.raw;
      description = "The flake of nixpkgs that the NixOS configuration is made with.";
    };
    nixos.module = mkOption {
      type = types.deferredModule;
      description = "The NixOS configuration, as a module.";
    };
    nixos.specialArgs = mkOption {
      type = types.lazyAttrsOf types.raw;
      default = { };
      description = "More arguments for the modules of the NixOS configuration, which they can use in `imports`.";
    };
    nixos.configuration = mkOption {
      type = types.raw;
      default = config.nixpkgs.lib.nixosSystem {
        modules = [ config.nixos.module ];
        inherit (config.nixos) specialArgs;
      };
      defaultText = lib.literalExpression "config.nixpkgs.lib.nixosSystem { … }";
      description = "The evaluated NixOS configuration.";
    };
  };
}
