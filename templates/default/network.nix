# The network. This is the file to change; afterwards, on the landscaper, in this folder:
#
#     nixops4-apply
#
# applies it: what has changed is deployed, and the rest stays as it is.
{ inputs, ... }:
{
  # Your machines: a name, the MAC address of the network card that the machine boots from, and the IP address that it
  # gets. The MAC address is in the firmware's setup, often on a label, and on http://10.0.0.1:8080 as soon as the
  # machine has tried to boot from the network, with the line to copy.
  #
  # To add a machine, add it here, apply, and turn it on. It has to boot from the network first, and may always do so: it
  # installs itself once, and boots from its disk afterwards.
  # Choose an address outside of the DHCP range.
  proxmoxMACs = {
    host1 = {
      mac = "52:54:00:12:34:56";
      ip = "10.0.0.11";
    };
  };

  # The roles of the machines. Those in `proxmoxMACs` have this role. For others, add a role here, and a machine such as
  # `hosts.web = { mac = …; ip = …; role = "web"; };`.
  roles.proxmox = ./roles/proxmox.nix;

  # Defaults for all machines. Each option here can also be set for a single machine.
  defaults = {
    # Your router (null on a network without one) and your DNS servers.
    gateway = "10.0.0.254";
    nameservers = [ "9.9.9.9" ];
    nixos.module.imports = [
      inputs.disko.nixosModules.disko
      ./disk.nix
    ];
  };

  # The public keys of people who may log in to the machines with `ssh root@10.0.0.11`. nixops4 has its own key on the
  # landscaper. Without a key here, only nixops4 can log in.
  authorizedKeys = [
    # "ssh-ed25519 AAAA… alice@laptop"
  ];

  # The landscaper: the machine on which you run nixops4-apply. The others copy their systems from it.
  landscaper.cache.url = "http://10.0.0.1:5000";

  # Its own system is configured in /etc/nixos. To deploy it like the others, copy those files here, and set:
  # landscaper.module.imports = [
  #   inputs.nixops4-providers.nixosModules.landscaper
  #   ./configuration.nix
  # ];

  # State and keys are in /var/lib/nixops4/network. They are not in this folder, because Nix copies it to its store, which
  # every user can read. A second network on the same landscaper needs another name.
  name = "network";

  # The version of NixOS for all of them: the one in flake.nix.
  inherit (inputs) nixpkgs;
}
