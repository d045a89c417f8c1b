# The network. This is the file to change; afterwards, on the landscaper, in this folder:
#
#     nixops4-apply
#
# makes everything true that is written here, leaves alone what already is, and says what it waits for.
{ inputs, ... }:
{
  # Your machines: a name, the MAC address of the network card that the machine boots from, and the IP address that it
  # gets. The MAC address is in the firmware's setup, often on a label, and on http://10.0.0.1:8080 as soon as the
  # machine has tried to boot from the network, with the line to copy.
  #
  # One more machine: add it here, apply, and turn it on. It has to boot from the network first, and may always do so:
  # it installs itself once, and boots from its disk ever after.
  # Its own address is one that DHCP does not give out.
  proxmoxMACs = {
    host1 = {
      mac = "52:54:00:12:34:56";
      ip = "10.0.0.11";
    };
  };

  # What the machines are for. Those in `proxmoxMACs` have this role; for others, add a role here, and a machine as
  # `hosts.web = { mac = …; ip = …; role = "web"; };`.
  roles.proxmox = ./roles/proxmox.nix;

  # What holds for all machines. Whatever can be set for one of them can be set here, and the other way round.
  defaults = {
    # The router to other networks (on a network without one, null) and the DNS servers: yours.
    gateway = "10.0.0.254";
    nameservers = [ "9.9.9.9" ];
    nixos.module.imports = [
      inputs.disko.nixosModules.disko
      ./disk.nix
    ];
  };

  # The public keys of those who may log in to the machines by `ssh root@10.0.0.11`. (nixops4 has a key of its own, on the
  # landscaper. Without one here, nobody else can log in.)
  authorizedKeys = [
    # "ssh-ed25519 AAAA… alice@laptop"
  ];

  # The landscaper: the machine that this is run on. The others get their systems from it.
  landscaper.cache.url = "http://10.0.0.1:5000";

  # Its own system is that of /etc/nixos. To have it deployed from here like the others, copy those files here, and:
  # landscaper.module.imports = [
  #   inputs.nixops4-providers.nixosModules.landscaper
  #   ./configuration.nix
  # ];

  # State and keys are in /var/lib/nixops4/network, outside of this folder, which Nix copies to a store that everybody can
  # read. Another network that is applied on the same landscaper needs another name.
  name = "network";

  # The version of NixOS for all of them: the one in flake.nix.
  inherit (inputs) nixpkgs;
}
