# A package for each provider (nix/providers/<name>.json) and for the boot service; `default` has them all.
{ pkgs }:
let
  inherit (pkgs) lib;
  inherit (import ../lib/folders.nix { inherit lib; }) filesIn;

  bundles = pkgs.callPackage ./bundles.nix { };

  # The programs that the executables start. On a landscaper, the unit provides those of systemd.
  tools = {
    boot-server = [
      pkgs.getent
      pkgs.util-linuxMinimal
    ];
    local = [ pkgs.util-linuxMinimal ];
    nixos = [ pkgs.nix ];
  };

  package =
    name:
    { executable, description, ... }:
    pkgs.callPackage ./executable.nix {
      inherit bundles executable description;
      tools = tools.${name} or [ ];
    };

  executables = lib.mapAttrs package (
    lib.mapAttrs (_: lib.importJSON) (filesIn ".json" ../providers)
    // {
      boot-server = {
        executable = "nixops4-boot-server";
        description = "Network boot for machines that install themselves";
      };
    }
  );
in
executables
// {
  default = pkgs.symlinkJoin {
    name = "nixops4-providers-${bundles.version}";
    paths = lib.attrValues executables;
    passthru = { inherit bundles; };
    meta = bundles.meta // {
      description = "Resource providers for NixOps4, and the boot service";
      # `nix run` starts this program, since nixops4 starts the providers.
      mainProgram = "nixops4-boot-server";
    };
  };
}
