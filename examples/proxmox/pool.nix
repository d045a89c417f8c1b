# A pool in another, and a VM in it.
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

  members.customers = {
    type = providers.proxmox.pool;
    inputs = {
      inherit connection;
      name = "customers";
    };
  };

  members.customers_web = {
    type = providers.proxmox.pool;
    inputs = {
      inherit connection;
      name = "${members.customers.outputs.poolId}/web";
      comment = "Web servers of customers";
    };
  };

  members.shop = {
    type = providers.proxmox.vm;
    state = members.state;
    inputs = {
      inherit connection;
      node = "pve1";
      name = "shop";
      pool = members.customers_web.outputs.poolId;
      disks.scsi0 = {
        storage = "local-lvm";
        size = "16G";
      };
      networks = [ { bridge = "vmbr0"; } ];
    };
  };
}
