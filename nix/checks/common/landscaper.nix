# The landscaper of the tests: 10.0.0.1 on the network of all nodes of a test.
{ self }:
{ lib, ... }:
{
  imports = [ self.nixosModules.landscaper ];
  networking.interfaces.eth1.ipv4.addresses = lib.mkForce [
    {
      address = "10.0.0.1";
      prefixLength = 24;
    }
  ];
  services.nixops4-landscaper = {
    enable = true;
    interface = "eth1";
    address = "10.0.0.1";
    dhcp.range = "10.0.0.100,10.0.0.199";
  };
}
