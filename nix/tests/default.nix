# The real module systems, from folders in environment variables, and stand-ins for the rest. With this, the components
# can be evaluated, and deployments of them applied, without nixpkgs.
let
  source =
    name:
    let
      path = builtins.getEnv name;
    in
    if path == "" then throw "the environment variable ${name} is not set" else /. + path;

  lib = import (source "NIXPKGS_LIB_SOURCE" + "/lib");
  inherit (import ../lib/modules.nix { inherit lib; }) modulesIn providersIn;

  importApply = path: arguments: lib.setDefaultModuleLocation path (import path arguments);

  flake-parts = (import (source "FLAKE_PARTS_SOURCE" + "/flake.nix")).outputs {
    nixpkgs-lib = { inherit lib; };
    self = flake-parts;
  };

  nixops4 = {
    lib = import (source "NIXOPS4_SOURCE" + "/nix/lib/lib.nix") {
      inherit lib;
      self = nixops4;
      selfWithSystem = throw "nixops4's packages are not there";
    };
    modules.nixops4Component.default = source "NIXOPS4_SOURCE" + "/nix/component/base-modules.nix";
    modules.flake.default = importApply (source "NIXOPS4_SOURCE" + "/nix/flake-parts/flake-parts.nix") {
      self = nixops4;
    };
  };

  # The flake of this project, with the executables of `npm run build`.
  self = {
    modules.nixops4Provider = providersIn ../providers (
      # A function of the system, as in the flake. Documentation does not evaluate it.
      name: _: "${toString ../../dist/bin}/nixops4-resources-${name}"
    );
    modules.nixops4Component = modulesIn "nixops4Component" ../components { inherit self; };
    nixosModules = {
      landscaper = { };
      proxmox-guest = import ../nixos/proxmox-guest.nix { inherit self; };
      installer.system.build = lib.genAttrs [ "kernel" "netbootRamdisk" ] (name: "/nix/store/${name}");
    };
  };

  text =
    name: text:
    derivation {
      inherit name text;
      system = builtins.currentSystem;
      builder = "/bin/sh";
      args = [
        "-c"
        ''while read -r line || [ -n "$line" ]; do echo "$line"; done < "$textPath" > $out''
      ];
      passAsFile = [ "text" ];
    };

  # Evaluates the modules of a NixOS configuration without the options of NixOS: every definition is accepted. The
  # system is a text file with the configuration.
  nixpkgs.lib = lib // {
    nixosSystem =
      {
        modules,
        specialArgs ? { },
      }:
      lib.evalModules {
        modules = modules ++ [
          (
            { config, ... }:
            {
              freeformType = lib.types.lazyAttrsOf lib.types.anything;
              _module.args.pkgs = {
                coreutils = "/nix/store/coreutils";
                htop = "htop";
              };
              boot.kernelParams = lib.mkDefault [ "console=ttyS0" ];
              system.boot.loader.kernelFile = "bzImage";
              system.build.toplevel = text "nixos-system-${config.networking.hostName or "nixos"}" (
                builtins.toJSON (
                  lib.removeAttrs config [
                    "_module"
                    "system"
                  ]
                )
              );
              system.build.destroyFormatMount = text "disko" "" // {
                meta.mainProgram = "disko";
              };
            }
          )
        ];
        specialArgs = {
          modulesPath = ./nixos/modules;
        }
        // specialArgs;
        class = "nixos";
      }
      // {
        pkgs.writeShellScript = text;
      };
  };

  # Returns the options that a component declares itself.
  componentOptions =
    component:
    let
      inherit
        (nixops4.lib.evalRoot
          {
            specialArgs = { };
            modules = [
              nixops4.modules.nixops4Component.default
              self.modules.nixops4Component.${component}
            ];
          }
          {
            resourceProviderSystem = builtins.currentSystem;
            outputValues = { };
          }
        )
        options
        ;
      ours = option: lib.any (lib.hasPrefix (toString ../components)) option.declarations;
    in
    map
      (
        {
          name,
          type,
          description,
          default ? null,
          ...
        }:
        {
          inherit name type;
          description = description.text or description;
          default = default.text or null;
        }
      )
      (
        lib.filter (option: ours option && option.visible && !option.internal) (
          lib.optionAttrSetToDocList options
        )
      );

  # Returns the pages that nixops4's own renderer makes for a provider, with stand-ins for the tools of nixpkgs that it
  # calls.
  providerDocs =
    provider:
    import (source "NIXOPS4_SOURCE" + "/nix/render-provider-docs/package.nix") {
      inherit lib;
      self.outPath = toString ../..;
      providerModule = self.modules.nixops4Provider.${provider};
      nixosOptionsDoc =
        { options, transformOptions }:
        rec {
          optionsNix = lib.listToAttrs (
            map (option: lib.nameValuePair option.name (transformOptions option)) (
              lib.filter (option: option.visible && !option.internal) (lib.optionAttrSetToDocList options)
            )
          );
          optionsCommonMark.overrideAttrs = _: builtins.toJSON optionsNix;
        };
      runCommand =
        name: _: script:
        script;
      writeText = name: text: text;
    };
in
{
  inherit
    componentOptions
    providerDocs
    lib
    self
    nixpkgs
    nixops4
    ;

  # Returns the deployment whose root component is a module.
  root = module: nixops4.lib.mkRoot { modules = [ module ]; };

  # Returns the deployment of the flake in a folder.
  flake =
    folder:
    let
      flake =
        (import (folder + "/flake.nix")).outputs {
          inherit nixpkgs nixops4 flake-parts;
          self = flake;
          nixops4-providers = self;
          disko.nixosModules.disko = { };
        }
        // {
          outPath = folder;
          inputs = { };
        };
    in
    flake.nixops4;
}
