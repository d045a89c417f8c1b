# In place of nixpkgs' packages: derivations with the right names that have nothing in them.
{ lib, system }:
let
  package =
    name: attrs:
    lib.extendDerivation true
      {
        inherit name;
        version = attrs.version or "0";
        meta.mainProgram = name;
        passthru = { };
        override = overridden: package name (attrs // overridden);
      }
      (derivation {
        inherit name system;
        builder = "/bin/sh";
        args = [
          "-c"
          "echo > $out"
        ];
        inputs = builtins.toJSON (lib.filterAttrs (_: value: !lib.isFunction value) attrs);
      });
  mkDerivation =
    args:
    let
      attrs = if lib.isFunction args then args attrs else args;
    in
    package (attrs.name or attrs.pname) attrs;
  nixosSystem = import ./nixos-system.nix {
    inherit lib;
    pkgsFor = _: pkgs;
  };
  pkgs =
    lib.genAttrs [
      "curl"
      "coreutils"
      "diffutils"
      "e2fsprogs"
      "emptyFile"
      "getent"
      "gitMinimal"
      "gzip"
      "hello"
      "ipxe"
      "jq"
      "makeBinaryWrapper"
      "nix"
      "nixfmt"
      "nixfmt-tree"
      "nixos-facter"
      "nixos-install"
      "nodejs-slim_24"
      "nodejs_24"
      "openssh"
      "parted"
      "pnpmConfigHook"
      "pnpm_10"
      "qemu_test"
      "shellcheck"
      "systemd"
      "tftp-hpa"
      "util-linux"
      "util-linuxMinimal"
      "zfs"
    ] (name: package name { })
    // {
      inherit lib;
      callPackage = lib.callPackageWith pkgs;
      fetchPnpmDeps = attrs: package "${attrs.pname}-pnpm-deps" attrs;
      formats.json = _: {
        type = lib.types.attrsOf lib.types.anything;
        generate = name: value: pkgs.writeText name (builtins.toJSON value);
      };
      mkShell = attrs: mkDerivation (attrs // { name = "nix-shell"; });
      nixos =
        module:
        nixosSystem {
          modules = [
            module
            { nixpkgs.hostPlatform = system; }
          ];
        };
      pkgsCross =
        lib.genAttrs
          [
            "aarch64-multiplatform"
            "gnu64"
          ]
          (name: {
            ipxe = package "ipxe-${name}" { };
          });
      runtimeShell = "/bin/sh";
      runCommand =
        name: attrs: script:
        package name (attrs // { inherit script; });
      stdenv.hostPlatform = {
        inherit system;
      };
      stdenvNoCC = { inherit mkDerivation; };
      symlinkJoin = mkDerivation;
      testers.runNixOSTest = import ./nixos-test.nix { inherit lib nixosSystem pkgs; };
      writeShellApplication = attrs: package attrs.name attrs;
      writeShellScript = name: text: package name { inherit text; };
      writeText = name: text: package name { inherit text; };
    };
in
pkgs
