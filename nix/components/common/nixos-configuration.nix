# The options of a component that evaluates a NixOS configuration.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
in
{
  options = {
    nixpkgs = mkOption {
      type = types.raw;
      description = "The flake of nixpkgs for the NixOS configuration.";
    };
    nixos.module = mkOption {
      type = types.deferredModule;
      description = "The NixOS configuration, as a module.";
    };
    nixos.specialArgs = mkOption {
      type = types.lazyAttrsOf types.raw;
      default = { };
      description = "Additional module arguments of the NixOS configuration (`specialArgs`), which can be used in `imports`.";
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
