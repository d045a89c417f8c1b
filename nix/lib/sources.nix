# Returns the sources of a flake and of all its inputs, transitively. When these are in the store, the flake can be
# evaluated without a download.
flake:
map ({ key, ... }: key) (
  builtins.genericClosure {
    startSet = [
      {
        key = flake.outPath;
        inherit flake;
      }
    ];
    operator =
      { flake, ... }:
      map (flake: {
        key = flake.outPath;
        inherit flake;
      }) (builtins.attrValues (flake.inputs or { }));
  }
)
