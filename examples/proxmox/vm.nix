# A NixOS machine from an image that Nix has built: the disk is imported, and its address is waited for.
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

  members.nixos_image = {
    type = providers.proxmox.image;
    inputs = {
      inherit connection;
      node = "pve1";
      storage = "local";
      name = "nixos.qcow2";
      source.file = "/var/lib/nixops4/example/nixos.qcow2";
    };
  };

  members.web = {
    type = providers.proxmox.vm;
    state = members.state;
    inputs = {
      inherit connection;
      node = "pve1";
      name = "web";
      cores = 2;
      memory = 4096;
      disks.scsi0 = {
        storage = "local-lvm";
        importFrom = members.nixos_image.outputs.volumeId;
        size = "32G";
        discard = true;
      };
      networks = [ { bridge = "vmbr0"; } ];
      bootOrder = [ "scsi0" ];
      waitForIp.family = "ipv4";
    };
  };
}
