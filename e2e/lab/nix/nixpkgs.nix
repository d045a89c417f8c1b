# A stand-in for the flake of nixpkgs. Evaluates the modules of a NixOS configuration with nixpkgs' real `lib`, accepts
# every definition, since it declares no NixOS options, and builds the lab's system from the result.
{ lib }:
let
  build = import ./build.nix;

  # Store paths in the text become dependencies of it, as in nixpkgs.
  writeShellScript =
    name: text:
    build name ''
      cat >$out <<'NIXOPS4-END'
      #!/bin/sh
      ${text}
      NIXOPS4-END
      chmod 755 $out
    '';

  lab =
    { config, ... }:
    let
      network = config.systemd.network.networks."40-nixops4";
    in
    {
      freeformType = lib.types.lazyAttrsOf lib.types.anything;
      _module.args.pkgs = lib.genAttrs [ "htop" ] lib.id;
      system.build.toplevel = import ./system.nix {
        inherit (config.networking) hostName;
        address = lib.head network.address;
        gateway = if network.gateway == [ ] then null else lib.head network.gateway;
        authorizedKeys = config.users.users.root.openssh.authorizedKeys.keys;
        inherit (config.environment.etc.text) text;
      };
      # The script that disko makes from `disko.devices`.
      system.build.destroyFormatMount =
        build "disko" ''
          mkdir -p $out/bin
          ln -s ${writeShellScript "disko" "exec ${import ./disko.nix} ${config.disko.devices.disk.main.device}"} $out/bin/disko
        ''
        // {
          meta.mainProgram = "disko";
        };
    };
in
{
  lib = lib // {
    nixosSystem =
      {
        modules,
        specialArgs ? { },
      }:
      lib.evalModules {
        modules = modules ++ [ lab ];
        inherit specialArgs;
        class = "nixos";
      }
      // {
        pkgs = { inherit writeShellScript; };
      };
  };
}
