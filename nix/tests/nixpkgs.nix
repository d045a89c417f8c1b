# The nixpkgs in NIXPKGS_SOURCE, with its NixOS. When it is older than the library, it is evaluated with additions:
# names that the library had then, and our stand-ins for options and packages that it does not have yet.
{ lib }:
let
  source = /. + builtins.getEnv "NIXPKGS_SOURCE";
  modulesPath = source + "/nixos/modules";
  system = "x86_64-linux";

  originalLib = import (source + "/lib");
  original = import (source + "/nixos/lib/eval-config.nix") {
    inherit system;
    modules = [ (modulesPath + "/installer/cd-dvd/installation-cd-minimal.nix") ];
  };
  isOld = !original.options.nixpkgs ? hostPlatform;

  bothLibs = lib.extend (_: known: removeAttrs originalLib (lib.attrNames known));
  standIns = import ./nixos/pkgs.nix { inherit lib system; };
  baseModules = import (modulesPath + "/module-list.nix");

  without =
    known:
    lib.concatMapAttrs (
      name: option:
      if !known ? ${name} then
        { ${name} = option; }
      else if lib.isOption option then
        { }
      else
        { ${name} = without known.${name} option; }
    );
  optionsOfToday =
    {
      config,
      lib,
      pkgs,
      ...
    }@arguments:
    {
      options = without original.options (import ./nixos/options.nix arguments).options;
    };
  old =
    { lib, ... }:
    {
      # Needs a newer Nix than ours with this library.
      disabledModules = [ "installer/cd-dvd/channel.nix" ];
      imports = [ optionsOfToday ];
      options.boot.swraid = lib.mkOption { type = lib.types.attrsOf lib.types.anything; };
      options.systemd.sockets = lib.mkOption {
        type = lib.types.attrsOf (
          lib.types.submodule {
            options.listenDatagrams = lib.mkOption { type = lib.types.listOf lib.types.str; };
          }
        );
      };
      config = {
        documentation.enable = lib.mkOverride 40 false;
        documentation.nixos.enable = lib.mkOverride 40 false;
        nixpkgs = {
          overlays = [
            (
              _: known:
              removeAttrs standIns (lib.attrNames known)
              // {
                systemdMinimal = known.systemd;
                writeShellApplication = { name, text, ... }: known.writeShellScriptBin name text;
              }
            )
          ];
          inherit system;
        };
        system.nixos.revision = "unknown";
        system.nixos.versionSuffix = "";
      };
    };
in
{
  inherit (original) options;
  lib = originalLib;
  pkgs = import source {
    config = { };
    overlays = [ ];
    inherit system;
  };

  nixosSystem =
    {
      modules,
      specialArgs ? { },
    }:
    bothLibs.evalModules {
      class = "nixos";
      modules =
        baseModules
        ++ [
          {
            _module.args = {
              inherit baseModules;
              extraModules = [ ];
              modules = [ ];
              noUserModules = { };
            };
            nixpkgs.hostPlatform = lib.mkDefault system;
          }
        ]
        ++ lib.optional isOld old
        ++ modules;
      specialArgs = {
        modulesPath = toString modulesPath;
      }
      // specialArgs;
    };
}
