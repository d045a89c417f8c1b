# A stand-in for nixpkgs' packages: empty derivations with the right names. It refuses what nixpkgs refuses;
# e2e/tests/nix-stand-ins.int.test.ts compares both.
{ lib, system }:
let
  package =
    name: attrs:
    lib.extendDerivation true
      {
        inherit name;
        version = attrs.version or "0";
        meta = {
          mainProgram = name;
        }
        // attrs.meta or { };
        passthru = { };
      }
      (derivation {
        inherit name system;
        builder = "/bin/sh";
        args = [
          "-c"
          "echo > $out"
        ];
        inputs = builtins.toJSON (
          lib.filterAttrs (_: value: !lib.isFunction value) (
            removeAttrs attrs [
              "meta"
              "passthru"
            ]
          )
        );
      });
  mkDerivation =
    args:
    let
      attrs = if lib.isFunction args then args attrs else args;
    in
    package (attrs.name or attrs.pname) attrs;
  ipxe =
    name:
    package name { }
    // {
      override =
        { additionalTargets }:
        assert lib.all (target: target == null || lib.isString target) (lib.attrValues additionalTargets);
        package name { inherit additionalTargets; };
    };
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
      "findutils"
      "getent"
      "gitMinimal"
      "gzip"
      "gnugrep"
      "hello"
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
      pnpm_10 = package "pnpm" { version = "10.34.5"; };
      callPackage = lib.callPackageWith pkgs;
      fetchPnpmDeps = import ./fetch-pnpm-deps.nix {
        inherit lib;
        build = attrs: package "${attrs.pname}-pnpm-deps" attrs;
      };
      ipxe = ipxe "ipxe";
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
            ipxe = ipxe "ipxe-${name}";
          });
      runtimeShell = "/bin/sh";
      runCommand =
        name: attrs: script:
        package name (attrs // { inherit script; });
      stdenv.hostPlatform = {
        inherit system;
      };
      stdenvNoCC = { inherit mkDerivation; };
      symlinkJoin =
        {
          name,
          paths,
          meta ? { },
          passthru ? { },
          postBuild ? "",
        }@attrs:
        mkDerivation attrs;
      testers.runNixOSTest = import ./nixos-test.nix { inherit lib nixosSystem pkgs; };
      writeShellApplication =
        {
          name,
          text,
          meta ? { },
          runtimeEnv ? { },
          runtimeInputs ? [ ],
        }@attrs:
        package name attrs;
      writeShellScript = name: text: package name { inherit text; };
      writeText = name: text: package name { inherit text; };
    };
in
pkgs
