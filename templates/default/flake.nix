{
  description = "Machines that install themselves, and the systems that they run";

  # Where everything comes from. flake.lock, which Nix writes, pins the versions; `nix flake update` moves them.
  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    flake-parts.url = "github:hercules-ci/flake-parts";
    flake-parts.inputs.nixpkgs-lib.follows = "nixpkgs";
    nixops4.url = "github:nixops4/nixops4";
    nixops4.inputs.flake-parts.follows = "flake-parts";
    nixops4.inputs.nixpkgs.follows = "nixpkgs";
    # Where the source of the providers is. A landscaper has written here where it keeps its own. After `nix flake init`,
    # or to move to another version, put your clone here: "git+file:///home/alice/nixops4-providers".
    nixops4-providers.url = "path:/path/to/nixops4-providers";
    nixops4-providers.inputs.flake-parts.follows = "flake-parts";
    nixops4-providers.inputs.nixops4.follows = "nixops4";
    nixops4-providers.inputs.nixpkgs.follows = "nixpkgs";
    disko.url = "github:nix-community/disko";
    disko.inputs.nixpkgs.follows = "nixpkgs";
  };

  outputs =
    inputs:
    inputs.flake-parts.lib.mkFlake { inherit inputs; } {
      imports = [ inputs.nixops4.modules.flake.default ];
      systems = [ "x86_64-linux" ];

      # What `nixops4-apply` applies.
      nixops4 = {
        imports = [
          inputs.nixops4-providers.modules.nixops4Component.network
          ./network.nix
        ];
        _module.args = { inherit inputs; };
      };
    };
}
