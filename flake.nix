{
  description = "Resource providers for NixOps4, from nothing to a running network";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    flake-parts.url = "github:hercules-ci/flake-parts";
    flake-parts.inputs.nixpkgs-lib.follows = "nixpkgs";
    nixops4.url = "github:nixops4/nixops4";
    nixops4.inputs.flake-parts.follows = "flake-parts";
    nixops4.inputs.nixpkgs.follows = "nixpkgs";
  };

  # Each folder is a set of outputs: a new file in it is a new output.
  outputs =
    inputs:
    inputs.flake-parts.lib.mkFlake { inherit inputs; } (
      {
        self,
        lib,
        flake-parts-lib,
        ...
      }:
      let
        inherit (import ./nix/lib/folders.nix { inherit lib; }) filesIn foldersIn;
        modulesIn =
          folder:
          lib.mapAttrs (_: path: flake-parts-lib.importApply path { inherit self; }) (filesIn ".nix" folder);
      in
      {
        imports = [ inputs.flake-parts.flakeModules.modules ];

        systems = [
          "x86_64-linux"
          "aarch64-linux"
        ];

        flake = {
          modules.nixops4Provider = lib.mapAttrs (
            name: manifest:
            import ./nix/lib/provider-module.nix {
              inherit manifest;
              executable = system: self.packages.${system}.${name};
            }
          ) (filesIn ".json" ./nix/providers);
          modules.nixops4Component = modulesIn ./nix/components;
          nixosModules = modulesIn ./nix/nixos;
          overlays.default = final: _: { nixops4-providers = import ./nix/packages { pkgs = final; }; };
          templates = lib.mapAttrs (_: path: {
            inherit path;
            inherit (import (path + "/flake.nix")) description;
          }) (foldersIn ./templates);
        };

        perSystem =
          {
            inputs',
            pkgs,
            system,
            ...
          }:
          {
            packages =
              import ./nix/packages { inherit pkgs; }
              // lib.optionalAttrs (system == "x86_64-linux") {
                landscaper-iso =
                  (inputs.nixpkgs.lib.nixosSystem {
                    modules = [
                      self.nixosModules.landscaper-iso
                      { nixpkgs.hostPlatform = system; }
                    ];
                  }).config.system.build.isoImage;
              };
            checks = lib.mapAttrs (_: path: import path { inherit pkgs self; }) (filesIn ".nix" ./nix/checks);
            devShells.default = pkgs.mkShell {
              packages = [
                inputs'.nixops4.packages.default
                pkgs.nixfmt
                pkgs.nodejs_24
                pkgs.pnpm_10
                pkgs.shellcheck
              ];
            };
            formatter = pkgs.nixfmt-tree;
          };
      }
    );
}
