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
      { self, lib, ... }:
      let
        inherit (import ./nix/lib/folders.nix { inherit lib; }) filesIn foldersIn;
        inherit (import ./nix/lib/modules.nix { inherit lib; }) modulesIn providersIn;
      in
      {
        imports = [ inputs.flake-parts.flakeModules.modules ];

        systems = [
          "x86_64-linux"
          "aarch64-linux"
        ];

        flake = {
          modules.nixops4Provider = providersIn ./nix/providers (
            name: system: self.packages.${system}.${name}
          );
          modules.nixops4Component = modulesIn "nixops4Component" ./nix/components { inherit self; };
          nixosModules = modulesIn "nixos" ./nix/nixos { inherit self; } // {
            default = self.nixosModules.landscaper;
          };
          overlays.default = final: _: { nixops4-providers = import ./nix/packages { pkgs = final; }; };
          templates = lib.mapAttrs (_: path: {
            inherit path;
            inherit (import (path + "/flake.nix")) description;
            welcomeText = lib.readFile (path + "/README.md");
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
            checks = lib.mapAttrs (_: path: import path { inherit pkgs self; }) (
              # The machine there that installs itself is a PC.
              removeAttrs (filesIn ".nix" ./nix/checks) (lib.optional (system != "x86_64-linux") "bare-metal")
            );
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
