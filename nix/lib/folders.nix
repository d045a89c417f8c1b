{ lib }:
let
  entries =
    type: folder:
    lib.mapAttrs (name: _: folder + "/${name}") (
      lib.filterAttrs (_: actual: actual == type) (builtins.readDir folder)
    );
in
{
  # Returns the files of a folder that end in `suffix`, by name without the suffix.
  filesIn =
    suffix: folder:
    lib.mapAttrs' (name: lib.nameValuePair (lib.removeSuffix suffix name)) (
      lib.filterAttrs (name: _: lib.hasSuffix suffix name) (entries "regular" folder)
    );

  # Returns the folders in a folder, by name.
  foldersIn = entries "directory";
}
