# Builds the packages without nixpkgs, with the Node, the pnpm and the downloaded dependencies of this machine, and a
# shell instead of stdenv. Needs no network, and no sandbox.
{
  # The executables.
  node,
  pnpm,
  # The folder of pnpm's store.
  pnpmStore,
}:
let
  lib = import (builtins.getEnv "NIXPKGS_LIB_SOURCE" + "/lib");
  system = builtins.currentSystem;

  mkDerivation =
    args:
    let
      attrs = if lib.isFunction args then lib.fix args else args;
      passthru = attrs.passthru or { } // {
        meta = attrs.meta or { };
      };
    in
    lib.extendDerivation true passthru (
      derivation (
        {
          inherit system;
          name = "${attrs.pname}-${attrs.version}";
          builder = "/bin/sh";
          args = [
            "-euc"
            ''
              runHook() { :; }
              configurePhase() { :; }
              PATH=/usr/bin:/bin
              for tool in ''${nativeBuildInputs-}; do
                PATH=$tool/bin:$PATH
                if [ -e "$tool/hook" ]; then . "$tool/hook"; fi
              done
              export PATH
              if [ -z "''${dontUnpack-}" ]; then
                cp -r "$src" source
                chmod -R u+w source
                cd source
              fi
              configurePhase
              eval "''${buildPhase-}"
              eval "$installPhase"
            ''
          ];
        }
        // lib.removeAttrs attrs [
          "meta"
          "passthru"
        ]
      )
    );
  runCommand =
    name: attrs: installPhase:
    mkDerivation (
      attrs
      // {
        inherit name installPhase;
        dontUnpack = true;
      }
    );

  program =
    name: executable: runCommand name { } "mkdir -p $out/bin; ln -s ${executable} $out/bin/${name}";
  hook =
    name: text: runCommand name { inherit text; } ''mkdir $out; printf '%s' "$text" > $out/hook'';

  pkgs = {
    inherit lib runCommand;
    callPackage = lib.callPackageWith pkgs;
    stdenv.hostPlatform = { inherit system; };
    stdenvNoCC = { inherit mkDerivation; };
    nodejs_24 = program "node" node;
    nodejs-slim_24 = pkgs.nodejs_24;
    pnpm_10 = program "pnpm" pnpm // {
      version = "10";
    };
    fetchPnpmDeps = import ./nixos/fetch-pnpm-deps.nix {
      inherit lib;
      build = _: runCommand "pnpm-deps" { } "ln -s ${pnpmStore} $out";
    };
    # Uses hard links, or copies from another file system, since pnpm writes to its store.
    pnpmConfigHook = hook "pnpm-config-hook" ''
      configurePhase() {
        export HOME=$NIX_BUILD_TOP/home
        mkdir -p "$HOME/store"
        cp -al "$pnpmDeps/." "$HOME/store" 2> /dev/null || cp -a "$pnpmDeps/." "$HOME/store"
        pnpm install --offline --ignore-scripts --frozen-lockfile --store-dir "$HOME/store"
      }
    '';
    makeBinaryWrapper = hook "make-wrapper" ''
      makeWrapper() {
        program=$1 wrapper=$2 flags= setup=
        shift 2
        while [ $# -gt 0 ]; do
          case $1 in
            --add-flags) flags=$2; shift 2 ;;
            --prefix) setup="export $2=$4\''${$2:+$3\$$2};"; shift 4 ;;
            *) echo "makeWrapper: unknown option $1" >&2; return 1 ;;
          esac
        done
        mkdir -p "$(dirname "$wrapper")"
        printf '#!/bin/sh\n%s\nexec %s %s "$@"\n' "$setup" "$program" "$flags" > "$wrapper"
        chmod 755 "$wrapper"
      }
    '';
    symlinkJoin =
      { paths, ... }@args:
      runCommand args.name (lib.removeAttrs args [ "name" ]) ''
        mkdir $out
        for path in $paths; do cp -rs "$path/." $out; done
      '';
  }
  // lib.genAttrs [ "getent" "nix" "util-linuxMinimal" ] (name: runCommand name { } "mkdir $out");

  packages = import ../packages { inherit pkgs; };
in
{
  inherit (packages.default) bundles;
  check = import ../checks/executables.nix {
    inherit pkgs;
    self.packages.${system} = packages;
  };
}
// packages
