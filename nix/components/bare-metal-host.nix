# One machine, from its MAC address to a deployed NixOS system. Its members, in the order in which they are applied:
# a temporary host key, what the machine boots from the network, the wait until it has installed itself, a host key of
# its own, its NixOS system. The inputs of each can be set, as `members.nixos.inputs.reboot = "when-needed"`.
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
  inherit (lib) mkOption types;
  inherit (import ../lib/types.nix { inherit lib; }) hostName ipAddress macAddress;
  inherit
    (import ../lib/schema-types.nix {
      inherit lib;
      manifest = lib.importJSON ../providers/pxe-nbp.json;
    })
    named
    ;
  system = config.nixos.configuration;
  installer = config.installer.configuration;
  disk =
    lib.throwIf
      (lib.all (criterion: config.disk.${criterion} == null) [
        "byId"
        "serial"
        "minBytes"
        "maxBytes"
      ])
      "${lib.showOption options.disk.byId.loc}, serial, minBytes or maxBytes must say which disk is installed to"
      config.disk;
  connection = hostPublicKey: {
    inherit (config.ssh)
      host
      port
      user
      privateKey
      jump
      ;
    hostPublicKeys = [ hostPublicKey ];
  };
in
{
  _class = "nixops4Component";
  imports = [
    ./common/nixos-configuration.nix
    ./common/ssh.nix
  ];

  options = {
    hostName = mkOption {
      type = hostName;
      default = name;
      defaultText = lib.literalMD "the name of the member";
      description = "The name of the machine.";
    };
    mac = mkOption {
      type = macAddress;
      description = "The MAC address of the network card that the machine boots from.";
    };
    macs = mkOption {
      type = types.nonEmptyListOf macAddress;
      default = [ config.mac ];
      defaultText = lib.literalExpression "[ config.mac ]";
      description = "The MAC addresses of all network cards that the machine may boot from.";
    };
    ip = mkOption {
      type = ipAddress;
      description = "The IP address that the installed machine has.";
    };
    prefixLength = mkOption {
      type = types.ints.between 0 128;
      default = 24;
      description = "How many bits of `ip` are those of its network.";
    };
    gateway = mkOption {
      type = types.nullOr ipAddress;
      default = null;
      description = "The router to other networks.";
    };
    nameservers = mkOption {
      type = types.listOf ipAddress;
      default = [ ];
      description = "The DNS servers.";
    };
    architecture = mkOption {
      type = types.enum [
        "x86_64"
        "aarch64"
      ];
      default = "x86_64";
      description = "The machine's processor architecture.";
    };
    ssh.authorizedKeys = mkOption {
      type = types.listOf types.nonEmptyStr;
      default = [ ];
      description = "Public keys that may log in as `ssh.user`. That of `ssh.privateKey` must be among them.";
    };
    keyFolder = mkOption {
      type = types.path;
      default = "/var/lib/nixops4/keys";
      description = "The folder on the deploying machine for the temporary host key, until the machine has its own.";
    };
    server = mkOption {
      type = named.Server;
      default = { };
      description = "How to reach the boot service. When not set, by its unix socket on the deploying machine.";
    };

    disk = {
      byId = mkOption {
        type = types.nullOr types.nonEmptyStr;
        default = null;
        example = "nvme-Samsung_SSD_980_1TB_S64ANS0T123456";
        description = "The name of the disk to install to, in `/dev/disk/by-id`.";
      };
      serial = mkOption {
        type = types.nullOr types.nonEmptyStr;
        default = null;
        description = "The serial number of the disk to install to.";
      };
      minBytes = mkOption {
        type = types.nullOr types.ints.positive;
        default = 8000000000;
        description = "How large the disk to install to must be, in bytes.";
      };
      maxBytes = mkOption {
        type = types.nullOr types.ints.positive;
        default = null;
        description = "How large the disk to install to may be, in bytes.";
      };
      allowWipe = mkOption {
        type = types.bool;
        default = false;
        description = ''
          Whether a disk with data on it may be installed to. **All its data is lost.** Exactly one disk of the machine
          must be as the options of `disk` say; otherwise nothing is installed.
        '';
      };
    };
    diskoScript = mkOption {
      type = types.path;
      default = system.pkgs.writeShellScript "disko-${config.hostName}" ''
        ln --symbolic --force --no-dereference "$NIXOPS4_DISK" /dev/disk/nixops4
        exec ${lib.getExe system.config.system.build.destroyFormatMount} --yes-wipe-all-disks
      '';
      defaultText = lib.literalMD "disko's, with the chosen disk as `/dev/disk/nixops4`";
      description = ''
        The program that partitions and formats the disk, which it finds in the environment variable `NIXOPS4_DISK`, and
        mounts it on `/mnt`.
      '';
    };
    substituters = mkOption {
      type = types.nonEmptyListOf (
        types.submodule {
          options = {
            url = mkOption {
              type = types.strMatching "https?://[^ ?#@]+";
              description = "Its URL.";
            };
            publicKey = mkOption {
              type = types.strMatching "[^:]+:[A-Za-z0-9+/]+=*";
              description = "The public key that it signs with, as `landscaper-1:AAAA…`.";
            };
          };
        }
      );
      description = "The binary caches that the installer gets the machine's system from.";
    };

    installGeneration = mkOption {
      type = types.ints.between 1 2147483648;
      default = 1;
      description = ''
        The machine installs itself once for each value. **A higher one installs it again, which wipes its disk.** It
        cannot be lowered.
      '';
    };
    onInterrupted = mkOption {
      type = types.enum [
        "hold"
        "retry"
      ];
      default = "hold";
      description = ''
        What a network boot does after an install that failed or was interrupted: `hold` boots from disk until there is a
        higher `installGeneration`, `retry` installs again.
      '';
    };
    installer = {
      configuration = mkOption {
        type = types.raw;
        default = import ./common/installer.nix {
          inherit self;
          inherit (config) nixpkgs architecture;
          inherit (config.ssh) authorizedKeys;
        };
        defaultText = lib.literalMD "a NixOS configuration of `nixosModules.installer`";
        description = "The NixOS configuration of the installer, where the options below are not set.";
      };
      kernel = mkOption {
        type = types.path;
        default = "${installer.config.system.build.kernel}/${installer.config.system.boot.loader.kernelFile}";
        defaultText = lib.literalMD "the kernel of `installer.configuration`";
        description = "The kernel of the installer.";
      };
      initrd = mkOption {
        type = types.path;
        default = "${installer.config.system.build.netbootRamdisk}/initrd";
        defaultText = lib.literalMD "the netboot ramdisk of `installer.configuration`";
        description = "The initial ramdisk of the installer.";
      };
      cmdline = mkOption {
        type = types.listOf types.str;
        default = [
          "init=${installer.config.system.build.toplevel}/init"
        ]
        ++ installer.config.boot.kernelParams;
        defaultText = lib.literalMD "that of `installer.configuration`";
        description = "The kernel's command line.";
      };
    };
  };

  config = {
    # Of `state`, which two members need: a host without it is refused by its own name.
    requireState = true;
    ssh.host = lib.mkDefault config.ip;
    providers = {
      inherit (self.modules.nixops4Provider) ssh ssh-keypair pxe-nbp;
    };
    nixos.module = import ./common/installed-host.nix {
      inherit (config)
        hostName
        architecture
        macs
        ip
        prefixLength
        gateway
        nameservers
        ;
      inherit (config.ssh) user authorizedKeys;
    };

    members = {
      installation_host_key = {
        type = providers.ssh-keypair.keypair;
        inherit (config) state;
        inputs = {
          comment = "temporary host key of ${config.hostName}";
          privateKeyFile = "${config.keyFolder}/${config.hostName}_installation_host_key";
          keepers = { inherit (config) installGeneration; };
        };
      };

      installation_pxe_nbp = {
        type = providers.pxe-nbp.boot_entry;
        inputs = {
          inherit (config)
            server
            macs
            architecture
            installGeneration
            onInterrupted
            ;
          name = config.hostName;
          kernel = "${config.installer.kernel}";
          initrd = "${config.installer.initrd}";
          inherit (config.installer) cmdline;
          files = {
            "/nixops4/install.json" = {
              mode = "0600";
              contents = builtins.toJSON {
                version = 1;
                inherit (config) hostName substituters;
                inherit disk;
                system = "${system.config.system.build.toplevel}";
                diskoScript = "${config.diskoScript}";
                rootMount = "/mnt";
              };
            };
            "/nixops4/ssh_host_ed25519_key".secret.file = members.installation_host_key.outputs.privateKeyFile;
            "/nixops4/ssh_host_ed25519_key.pub".contents =
              "${members.installation_host_key.outputs.publicKey}\n";
          };
        };
      };

      installation = {
        type = providers.pxe-nbp.installed;
        inputs = {
          inherit (config) server installGeneration;
          inherit (members.installation_pxe_nbp.outputs) entryId;
        };
      };

      ssh_host_public_key = {
        type = providers.ssh.host_key;
        inherit (config) state;
        inputs = {
          connection = connection members.installation_host_key.outputs.publicKey;
          sudo = config.sudo.enable;
          # After another install the machine has the temporary key again.
          keepers = { inherit (members.installation.outputs) installedAt; };
          # The firmware of a server can take many minutes.
          timeoutSeconds = lib.mkDefault 1800;
        };
      };

      nixos = {
        imports = [ self.modules.nixops4Component.nixos ];
        nixos = { inherit (config.nixos) configuration; };
        ssh = {
          inherit (config.ssh)
            host
            port
            user
            privateKey
            jump
            ;
          inherit (members.ssh_host_public_key.outputs) hostPublicKey;
        };
        sudo = { inherit (config.sudo) enable; };
      };
    };
  };
}
