# Modules of this flake as others import them: twice, and beside each other, each counts once.
{ lib }:
let
  inherit (import ./folders.nix { inherit lib; }) filesIn;
in
rec {
  # The module that a file makes of `arguments`.
  keyed = path: arguments: {
    key = toString path;
    _file = toString path;
    imports = [ (import path arguments) ];
  };

  # The modules of a folder, by name, for `lib.evalModules` of a class.
  modulesIn =
    class: folder: arguments:
    lib.mapAttrs (_: path: keyed path arguments // { _class = class; }) (filesIn ".nix" folder);

  # The providers that the manifests of a folder are of, by name. `executable` is given the name.
  providersIn =
    folder: executable:
    lib.mapAttrs (name: manifest: {
      _class = "nixops4Provider";
      key = toString manifest;
      imports = [
        (import ./provider-module.nix {
          inherit manifest;
          executable = executable name;
        })
      ];
    }) (filesIn ".json" folder);
}
