# The source of a flake and of all that it is made from, inputs of inputs included: with these in the store, it can be
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
