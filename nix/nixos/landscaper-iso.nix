# A NixOS installer image for the first server: `nixos-generate-config --flake` writes the configuration of a landscaper.
{ self, ... }:
{
  config,
  lib,
  modulesPath,
  ...
}:
let
  inherit (import ../lib/modules.nix { inherit lib; }) keyed;
in
{
  imports = [
    (modulesPath + "/installer/cd-dvd/installation-cd-minimal.nix")
    (keyed ./landscaper/network-template.nix { inherit self; })
  ];

  services.nixops4-landscaper.network.enable = true;
  # The source of this image is needed to evaluate the configuration below.
  system.extraDependencies = import ../lib/sources.nix self;
  nix.settings.experimental-features = [
    "flakes"
    "nix-command"
  ];
  isoImage.appendToMenuLabel = " Landscaper Installer";
  services.getty.helpLine = lib.mkAfter ''

    To install a landscaper: partition the disk, mount it on /mnt, then

      nixos-generate-config --flake --root /mnt
      nano /mnt/etc/nixos/configuration.nix
      nixos-install --flake /mnt/etc/nixos#landscaper
  '';

  # Both texts are part of a Perl program, which replaces $bootLoaderConfig. They must not contain any other dollar
  # sign, at sign or backslash.
  system.nixos-generate-config = {
    flake = ''
      {
        # The source of this image, which is kept on the landscaper. To update, set another URL.
        inputs.nixops4-providers.url = "path:${self.outPath}";

        outputs =
          { nixops4-providers, ... }:
          {
            nixosConfigurations.landscaper = nixops4-providers.inputs.nixpkgs.lib.nixosSystem {
              modules = [
                nixops4-providers.nixosModules.landscaper
                ./configuration.nix
              ];
            };
          };
      }
    '';
    configuration = ''
      # The landscaper: the server that installs the others. Set the lines that are marked SET.
      { config, lib, pkgs, ... }:

      {
        imports = [ ./hardware-configuration.nix ];

      $bootLoaderConfig
        networking.hostName = "landscaper";

        # SET: the network interface for installs (`ip link` lists all), and the address of this server on it.
        networking.interfaces.enp1s0.ipv4.addresses = [
          {
            address = "10.0.0.1";
            prefixLength = 24;
          }
        ];

        services.nixops4-landscaper = {
          enable = true;
          interface = "enp1s0"; # SET: as above
          address = "10.0.0.1"; # SET: as above
          dhcp = {
            # "dhcp" assigns the addresses; there must be no other DHCP server on this network. If there is one, set "proxy",
            # and the address of the network as range, such as "10.0.0.0".
            mode = "dhcp";
            range = "10.0.0.100,10.0.0.199"; # SET: the first and the last address to assign
          };
        };

        # SET: your public key, to log in as root.
        services.openssh.enable = true;
        users.users.root.openssh.authorizedKeys.keys = [
          # "ssh-ed25519 AAAA..."
        ];

        # The release that this server was first installed with: never change it.
        system.stateVersion = "${config.system.nixos.release}";
      }
    '';
  };
}
