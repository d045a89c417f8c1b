# A stand-in for nixpkgs' `testers.runNixOSTest`, which evaluates the nodes and runs nothing.
{
  lib,
  nixosSystem,
  pkgs,
}:
test:
let
  inherit (lib) mkOption types;
  inherit
    (lib.evalModules {
      modules = [
        test
        {
          options = {
            name = mkOption { type = types.str; };
            nodes = mkOption { type = types.lazyAttrsOf types.deferredModule; };
            skipTypeCheck = mkOption { type = types.bool; };
            testScript = mkOption { type = types.lines; };
          };
        }
      ];
    })
    config
    ;

  # The options that a configuration only has in a test.
  machine = name: {
    options.virtualisation = {
      additionalPaths = mkOption {
        type = types.listOf types.package;
        default = [ ];
      };
      memorySize = mkOption {
        type = types.ints.positive;
        default = 1024;
      };
      writableStore = mkOption {
        type = types.bool;
        default = true;
      };
    };
    config = {
      networking = {
        hostName = lib.mkDefault name;
        interfaces.eth1.ipv4.addresses = [
          {
            address = "192.168.1.1";
            prefixLength = 24;
          }
        ];
      };
      nixpkgs.hostPlatform = pkgs.stdenv.hostPlatform.system;
    };
  };
in
pkgs.runCommand "vm-test-run-${config.name}" { inherit (config) testScript; } ""
// {
  inherit (config) testScript;
  nodes = lib.mapAttrs (
    name: module:
    (nixosSystem {
      modules = [
        (machine name)
        module
      ];
    }).config
  ) config.nodes;
}
