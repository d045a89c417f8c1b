{
  description = "Machines that install themselves, and the systems that they run";

  # The sources. Nix pins their versions in flake.lock; `nix flake update` updates them.
  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    flake-parts.url = "github:hercules-ci/flake-parts";
    flake-parts.inputs.nixpkgs-lib.follows = "nixpkgs";
    nixops4.url = "github:nixops4/nixops4";
    nixops4.inputs.flake-parts.follows = "flake-parts";
    nixops4.inputs.nixpkgs.follows = "nixpkgs";
    # The source of the providers. A landscaper has set its own copy here. After `nix flake init`, or to use another version,
    # set your clone: "git+file:///home/alice/nixops4-providers".
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

      # The deployment that `nixops4-apply` applies.
      nixops4 = {
        imports = [
          inputs.nixops4-providers.modules.nixops4Component.network
          ./network.nix
        ];
        _module.args = { inherit inputs; };
      };
    };
}
