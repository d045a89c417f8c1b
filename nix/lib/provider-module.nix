# Returns a module of class nixops4Provider for the manifest that `npm run gen` writes.
# manifest: the contents of nix/providers/<name>.json, or its path.
# executable: the path of the executable; or the package with bin/nixops4-resources-<name>; or a function from the
# system on which nixops4 runs to one of these.
{
  manifest,
  executable,
  sourceBaseUrl ? "",
}:
{ lib, resourceProviderSystem, ... }:
let
  provider = if lib.isAttrs manifest then manifest else lib.importJSON manifest;
  schemaTypes = import ./schema-types.nix {
    inherit lib;
    manifest = provider;
  };
  program = if lib.isFunction executable then executable resourceProviderSystem else executable;
in
{
  _class = "nixops4Provider";
  inherit (provider) name description;
  inherit sourceBaseUrl;
  sourceName = "nixops4-providers";
  executable = if lib.isDerivation program then "${program}/bin/${provider.executable}" else program;
  resourceTypes = lib.mapAttrs (_: resource: {
    inherit (resource) description requireState;
    inputs.options = schemaTypes.options resource.inputs;
    outputs.options = schemaTypes.options resource.outputs;
  }) provider.resourceTypes;
}
