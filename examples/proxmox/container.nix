# A Debian container from the template that Proxmox VE offers.
{
  inputs,
  members,
  providers,
  ...
}:
let
  connection = {
    endpoint = "https://pve1.example.org:8006";
    tokenId = "deploy@pve!nixops4";
    tokenSecret.file = "/var/lib/nixops4/example/proxmox-token";
    # As `pvenode cert info` shows it for pve-ssl.pem.
    tlsFingerprint = "5C:2D:90:1B:7E:44:A8:03:6F:E1:D2:9A:0B:33:C7:58:19:F4:6D:82:AE:70:15:CB:94:3E:07:B6:21:DF:68:4A";
  };
in
{
  providers = { inherit (inputs.nixops4-providers.modules.nixops4Provider) local proxmox; };

  members.state = {
    type = providers.local.state_file;
    inputs.name = "/var/lib/nixops4/example/state.json";
  };

  members.proxy = {
    type = providers.proxmox.container;
    state = members.state;
    inputs = {
      inherit connection;
      node = "pve1";
      name = "proxy";
      template = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst";
      rootDisk = {
        storage = "local-lvm";
        size = "8G";
      };
      networks = [
        {
          bridge = "vmbr0";
          ipv4 = "192.0.2.20/24";
          gateway4 = "192.0.2.1";
        }
      ];
      sshKeys = [ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPzM5VNMcVmkPFE7chyWtdkYVCtMaeG2a2YCrSxS7VHL" ];
      nesting = true;
    };
  };
}
