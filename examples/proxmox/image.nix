# An installer that Proxmox VE downloads, and a VM that boots from it.
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

  members.installer = {
    type = providers.proxmox.image;
    inputs = {
      inherit connection;
      node = "pve1";
      storage = "local";
      content = "iso";
      name = "nixos-minimal.iso";
      source.url = "https://example.org/nixos-minimal.iso";
      sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    };
  };

  members.new = {
    type = providers.proxmox.vm;
    state = members.state;
    inputs = {
      inherit connection;
      node = "pve1";
      name = "new";
      memory = 4096;
      disks.scsi0 = {
        storage = "local-lvm";
        size = "32G";
      };
      cdrom.image = members.installer.outputs.volumeId;
      networks = [ { bridge = "vmbr0"; } ];
      # The disk first: the installer runs while that is empty.
      bootOrder = [
        "scsi0"
        "ide2"
      ];
    };
  };
}
