# A host of `network` that can be a virtual machine on Proxmox VE. It adds members to those of `bare-metal-host`. The
# virtual machine installs itself over the network, or is made from an image.
{ self, ... }:
{
  config,
  lib,
  members,
  name,
  options,
  providers,
  ...
}:
let
  inherit (lib) mkIf mkOption types;
  inherit
    (import ../lib/schema-types.nix {
      inherit lib;
      manifest = lib.importJSON ../providers/proxmox.json;
    })
    named
    ;
  inherit (config) vm;
  isVm = vm.node != null;
  isFromImage = isVm && vm.installation == "image";
  isFromNetwork = isVm && !isFromImage;
  option = name: "`${config.optionPath}.${name}'";
  # A priority below `mkDefault`, so that defaults of users win.
  preset = lib.mkOverride 1250;
  after = outputs: value: lib.foldr lib.seq value outputs;

  # Begins with the prefix of addresses that Proxmox VE assigns.
  ownMac =
    let
      hash = lib.toUpper (builtins.hashString "sha256" "${vm.owner}/${name}");
    in
    "BC:24:11:"
    + lib.concatMapStringsSep ":" (at: builtins.substring at 2 hash) [
      0
      2
      4
    ];
  mac = lib.replaceStrings [ "-" ] [ ":" ] config.mac;

  # Does not depend on the host's own module, since each change of the system would upload another image.
  image = config.nixpkgs.lib.nixosSystem {
    modules = [
      config.nixos.base
      { system.stateVersion = lib.mkDefault config.nixpkgs.lib.trivial.release; }
    ];
  };
  # sshd makes the key when the image first starts.
  imageKeyPath = "/etc/ssh/ssh_host_ed25519_key";

  shared = {
    inherit (vm) connection owner;
    name = config.hostName;
  };
in
{
  _class = "nixops4Component";
  imports = [ self.modules.nixops4Component.bare-metal-host ];

  options.vm = {
    node = mkOption {
      type = types.nullOr types.nonEmptyStr;
      default = null;
      example = "pve1";
      description = ''
        The node of Proxmox VE on which the host is made as a virtual machine. When not set, the host is a physical machine.
        Where the node is a host in `proxmoxMACs`, the virtual machine waits until that is deployed.
      '';
    };
    connection = mkOption {
      type = types.nullOr named.ApiAccess;
      default = null;
      example = lib.literalExpression ''
        {
          endpoint = "https://10.0.0.11:8006";
          tokenId = "deploy@pve!nixops4";
          tokenSecret.file = "/root/proxmox-token";
          tlsFingerprint = "AB:CD:…";
        }
      '';
      description = "How to reach Proxmox VE: the input `connection` of `proxmox.vm`. Required with `vm.node`; often set in `defaults`.";
    };
    installation = mkOption {
      type = types.enum [
        "network"
        "image"
      ];
      default = "network";
      description = ''
        How the virtual machine gets its system. With `network` it boots the installer from the boot service, like other hosts.
        With `image` its disk is made from `vm.image.file`, without a network boot.
      '';
    };
    owner = mkOption {
      type = types.strMatching "[A-Za-z0-9._:/@-]{1,100}";
      default = "nixops4";
      defaultText = lib.literalMD "the name of the network";
      description = "The owner that is recorded in the notes of the virtual machine: the input `owner` of `proxmox.vm`.";
    };
    storage = mkOption {
      type = types.nonEmptyStr;
      default = "local-lvm";
      description = "The storage of the disk.";
    };
    diskSize = mkOption {
      type = types.strMatching "[1-9][0-9]*[MGT]";
      default = "32G";
      description = "The size of the disk. It can be raised later, but not lowered.";
    };
    cores = mkOption {
      type = types.ints.between 1 8192;
      default = 2;
      description = "The number of CPU cores.";
    };
    memory = mkOption {
      type = types.ints.between 16 67108864;
      default = 4096;
      description = "The memory in MiB.";
    };
    bridge = mkOption {
      type = types.nonEmptyStr;
      default = "vmbr0";
      description = "The bridge of the network card.";
    };
    vlan = mkOption {
      type = types.nullOr (types.ints.between 1 4094);
      default = null;
      description = "The VLAN of the network card on the bridge. The option `vlan` sets a VLAN inside the machine.";
    };
    firmware = mkOption {
      type = types.enum [
        "uefi"
        "bios"
      ];
      default = "uefi";
      description = "The firmware. It must match the boot loader of the system.";
    };
    waitsFor = mkOption {
      type = types.listOf types.raw;
      default = [ ];
      internal = true;
      description = "Outputs of members that must be applied before the virtual machine is made.";
    };
    image = {
      file = mkOption {
        type = types.strMatching "/.*[.]qcow2";
        default = "${image.config.system.build.image}/${image.config.image.filePath}";
        defaultText = lib.literalMD "a small NixOS with the host's address and keys, built by Nix";
        description = ''
          The qcow2 image that its disk is made from. It needs sshd with the keys in `ssh.authorizedKeys`, the host's address,
          and the guest agent, by which the host key is read. Another image later is uploaded, and used by a new virtual machine only.
        '';
      };
      storage = mkOption {
        type = types.nonEmptyStr;
        default = "local";
        description = "The storage that the image is uploaded to. It must take the content `import`.";
      };
    };
  };

  config = {
    mac = mkIf isVm (preset ownMac);
    installsItself = mkIf isFromImage false;
    firstHostPublicKey = mkIf isFromImage members.vm.outputs.hostPublicKey;

    nixos.base = mkIf isVm (
      { modulesPath, ... }:
      {
        imports = [
          self.nixosModules.proxmox-guest
        ]
        ++ lib.optional isFromImage (modulesPath + "/virtualisation/disk-image.nix");
        # The hardware of a virtual machine is known.
        hardware = {
          enableAllHardware = lib.mkOverride 900 false;
          enableRedistributableFirmware = lib.mkOverride 900 false;
        };
      }
      // lib.optionalAttrs isFromImage {
        image.efiSupport = vm.firmware == "uefi";
        boot.loader.grub = mkIf (vm.firmware == "bios") { devices = [ "/dev/sda" ]; };
      }
    );

    problems =
      let
        whenSet =
          names: isSet: message:
          map (name: "${option (lib.showOption name)} ${message}") (
            lib.filter (name: isSet (lib.getAttrFromPath name options)) names
          );
        # Only values of the host itself count, since `defaults` apply to hosts of all kinds.
        isOwn = option: !(option.internal or false) && option.highestPrio < 1000;
        differs = option: option.value != option.default;
        vmOptions = lib.collect lib.isOption (removeAttrs options.vm [ "node" ]);
      in
      lib.optionals (!isVm) (
        map (
          set:
          "`${config.optionPath}.${lib.showOption (lib.drop 2 set.loc)}' is for virtual machines: set ${option "vm.node"}, too"
        ) (lib.filter isOwn vmOptions)
      )
      ++ lib.optionals isVm (
        lib.optional (vm.connection == null)
          "${option "vm.node"} makes it a virtual machine: set ${option "vm.connection"} or `defaults.vm.connection', too"
        ++ lib.optional (
          config.bond != null
        ) "${option "bond"} is for several network cards: the virtual machine has one"
        ++ lib.optional (
          lib.length (lib.unique config.macs) > 1
        ) "${option "macs"} has several network cards: the virtual machine has one"
        ++ lib.optional (
          config.architecture != "x86_64"
        ) "${option "architecture"} is ${config.architecture}: virtual machines on Proxmox VE are x86_64"
        ++ lib.optional (
          builtins.match ".[02468ACEace].*" mac == null
        ) "${option "mac"} is ${config.mac}, which is no address of a single card"
      )
      ++ lib.optionals isFromImage (
        whenSet [
          [ "disks" ]
          [
            "disk"
            "allowWipe"
          ]
          [
            "disk"
            "byId"
          ]
          [
            "disk"
            "serial"
          ]
          [
            "hardwareReport"
            "file"
          ]
          [
            "hardwareReport"
            "use"
          ]
          [ "installGeneration" ]
          [
            "installer"
            "secretFiles"
          ]
        ] differs "is for an installer, and ${option "vm.installation"} is \"image\""
      );

    providers = mkIf isVm { inherit (self.modules.nixops4Provider) proxmox; };

    members = lib.mkMerge [
      (mkIf isVm {
        vm = {
          type = providers.proxmox.vm;
          inherit (config) state;
          inputs = shared // {
            # The VM boots from the network as soon as it is created, so its boot entry must exist before.
            node = after (
              vm.waitsFor ++ lib.optional isFromNetwork members.installation_pxe_nbp.outputs.entryId
            ) vm.node;
            inherit (vm) cores memory;
            bios = if vm.firmware == "uefi" then "ovmf" else "seabios";
            machine = preset "q35";
            efiDisk = mkIf (vm.firmware == "uefi") { inherit (vm) storage; };
            disks.scsi0 = {
              inherit (vm) storage;
              size = vm.diskSize;
              discard = preset true;
              importFrom = mkIf isFromImage members.image.outputs.volumeId;
            };
            networks = [
              {
                inherit (vm) bridge vlan;
                inherit mac;
              }
            ];
            waitForHostKey = mkIf isFromImage {
              file =
                lib.throwIf (config.hostKeyPath != imageKeyPath)
                  "${option "hostKeyPath"} is ${config.hostKeyPath}, and a host from an image has its key in ${imageKeyPath}"
                  "${imageKeyPath}.pub";
            };
          };
        };
      })
      (mkIf isFromNetwork {
        installation.inputs.entryId = lib.mkForce (
          after [ members.vm.outputs.vmid ] members.installation_pxe_nbp.outputs.entryId
        );
        # The VM booted from the network because its disk was empty. From now on it only boots from the disk.
        boot_from_disk = {
          type = providers.proxmox.vm;
          inherit (config) state;
          inputs = shared // {
            inherit (vm) node;
            vmid =
              lib.throwIf (members.vm.outputs.vmid == null)
                "${option "members.vm.inputs.ensure"} is \"absent\": apply the member `vm' alone, then take the host out"
                members.vm.outputs.vmid;
            bootOrder = [ "scsi0" ];
            # A running machine keeps the boot order that it was started with.
            rebootForChanges = true;
            keepers = { inherit (members.installation.outputs) installedAt; };
          };
        };
        ssh_host_public_key.inputs.keepers.vm = members.boot_from_disk.outputs.vmid;
      })
      (mkIf isFromImage {
        image = {
          type = providers.proxmox.image;
          inputs = {
            inherit (vm) connection node;
            inherit (vm.image) storage;
            name = "${config.hostName}.qcow2";
            source.file = vm.image.file;
          };
        };
        ssh_host_public_key.inputs.keepers.vm = members.vm.outputs.vmid;
      })
    ];
  };
}
