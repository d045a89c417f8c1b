# A stand-in for nixpkgs' `lib.nixosSystem`.
{ lib, pkgsFor }:
{
  modules,
  specialArgs ? { },
}:
lib.evalModules {
  class = "nixos";
  modules = [
    ./options.nix
    ({ config, ... }: { _module.args.pkgs = pkgsFor config.nixpkgs.hostPlatform; })
  ]
  ++ modules;
  specialArgs = {
    modulesPath = toString ./modules;
  }
  // specialArgs;
}
