# The NixOS configuration that machines netboot to install themselves.
{
  self,
  nixpkgs,
  architecture,
  authorizedKeys,
}:
nixpkgs.lib.nixosSystem {
  modules = [
    self.nixosModules.installer
    {
      nixpkgs.hostPlatform = "${architecture}-linux";
      nixops4.installer = { inherit authorizedKeys; };
    }
  ];
}
