# Returns modules with a key, so that they can be imported more than once.
{ lib }:
let
  inherit (import ./folders.nix { inherit lib; }) filesIn;
in
rec {
  # Returns the module that a file makes from `arguments`.
  keyed = path: arguments: {
    key = toString path;
    _file = toString path;
    imports = [ (import path arguments) ];
  };

  # Returns the modules in a folder, by name, for `lib.evalModules` of a class.
  modulesIn =
    class: folder: arguments:
    lib.mapAttrs (_: path: keyed path arguments // { _class = class; }) (filesIn ".nix" folder);

  # Returns the provider modules for the manifests in a folder, by name. `executable` is called with the name.
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
