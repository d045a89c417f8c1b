# A machine, from its MAC address to a deployed NixOS system. Its members, in the order in which they are applied: a
# temporary host key, the boot entry, the wait for the installation, the machine's own host key, and its NixOS system.
# The inputs of each can be set, for example `members.nixos.inputs.reboot = "when-needed"`.
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
  diskOptions = import ./common/disk-options.nix { inherit lib; };
  inherit (import ../lib/ip.nix { inherit lib; })
    inSameNetwork
    isAddress
    isSame
    isV4
    ;
  inherit
    (import ../lib/schema-types.nix {
      inherit lib;
      manifest = lib.importJSON ../providers/pxe-nbp.json;
    })
    named
    ;
  system = config.nixos.configuration;
  installer = config.installer.configuration;
  disks = import ./common/disks.nix {
    inherit lib;
    inherit (config) disk disks;
    inherit option;
    layout = system.config.disko.devices or { };
  };
  hostKeyPath =
    lib.throwIf
      (
        system.config.fileSystems."/".fsType or "" == "tmpfs"
        && lib.all (mountPoint: mountPoint == "/" || !lib.hasPrefix "${mountPoint}/" config.hostKeyPath) (
          lib.attrNames system.config.fileSystems
        )
      )
      "${option "hostKeyPath"} is ${config.hostKeyPath}, which is lost at each boot, as `/` is a tmpfs: set services.openssh.hostKeys to a file that stays"
      config.hostKeyPath;
  # A priority below `mkDefault`, so that defaults of users win.
  preset = lib.mkOverride 1250;
  option = name: "`${config.optionPath}.${name}'";
  # Finds values of the wrong type early. Otherwise they are only evaluated with the installer's job.
  problems = builtins.deepSeq [
    config.bond
    config.disk
    config.disks
    config.macs
    config.nameservers
    config.vlan
  ] config.problems;
  wrongSize =
    path: disk:
    lib.optional (disk.minBytes != null && disk.maxBytes != null && disk.minBytes > disk.maxBytes)
      "${option "${path}.minBytes"} is ${toString disk.minBytes}, more than ${option "${path}.maxBytes"}, ${toString disk.maxBytes}";
  isLinkLocal = address: !isV4 address && inSameNetwork 10 address "fe80::";
  inherit (config) ip gateway prefixLength;
  login = {
    inherit (config.ssh)
      host
      port
      user
      privateKey
      jump
      ;
  };
  # The members that only exist for a machine with an installer.
  installation = lib.optionals (!config.installsItself) [
    "installation"
    "installation_host_key"
    "installation_pxe_nbp"
  ];
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
      description = "The MAC address of the network card that the machine boots from. This card also gets `ip`.";
    };
    macs = mkOption {
      type = types.nonEmptyListOf macAddress;
      default = [ config.mac ];
      defaultText = lib.literalExpression "[ config.mac ]";
      description = "The MAC addresses of all network cards that the machine may boot from.";
    };
    bond = mkOption {
      type = types.nullOr (
        types.submodule {
          options = {
            macs = mkOption {
              type = types.nonEmptyListOf macAddress;
              default = config.macs;
              defaultText = lib.literalExpression "config.macs";
              description = "The MAC addresses of the network cards in the bond.";
            };
            mode = mkOption {
              type = types.enum [
                "802.3ad"
                "active-backup"
                "balance-alb"
                "balance-rr"
                "balance-tlb"
                "balance-xor"
                "broadcast"
              ];
              default = "active-backup";
              description = "The mode of the bond. `802.3ad` needs a switch that is set up for it.";
            };
          };
        }
      );
      default = null;
      example.mode = "802.3ad";
      description = "A bond of network cards that gets `ip`, instead of the card `mac`.";
    };
    vlan = mkOption {
      type = types.nullOr (types.ints.between 1 4094);
      default = null;
      description = "The VLAN (1 to 4094) of `ip`. The network boot itself never uses a VLAN.";
    };
    ip = mkOption {
      type = ipAddress;
      description = "The IP address of the installed machine.";
    };
    prefixLength = mkOption {
      type = types.ints.between 0 128;
      default = if isV4 config.ip then 24 else 64;
      defaultText = lib.literalMD "24, and 64 with IPv6";
      description = "The length of the network prefix of `ip`, in bits.";
    };
    gateway = mkOption {
      type = types.nullOr ipAddress;
      default = null;
      description = "The IP address of the default router. When not set, the machine has no default route.";
    };
    nameservers = mkOption {
      type = types.listOf ipAddress;
      default = [ ];
      description = "The IP addresses of the DNS servers.";
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
      description = "The public keys that may log in as `ssh.user`. They must include the key of `ssh.privateKey`.";
    };
    keyFolder = mkOption {
      type = types.path;
      default = "/var/lib/nixops4/keys";
      description = "The folder on the deploying machine for the private half of the temporary host key.";
    };
    hostKeyPath = mkOption {
      type = types.strMatching "/.*[^/]";
      default =
        (lib.findFirst (key: key.type == "ed25519") { path = "/etc/ssh/ssh_host_ed25519_key"; } (
          system.config.services.openssh.hostKeys or [ ]
        )).path;
      defaultText = lib.literalMD "that of the ed25519 key in `services.openssh.hostKeys`";
      description = "The file with the SSH host key of the installed machine. It must be on a persistent file system.";
    };
    gcRootsFolder = mkOption {
      type = types.nullOr types.path;
      default = "/var/lib/nixops4/gc-roots";
      description = ''
        The folder on the deploying machine for links to the store paths that the machine needs for its install. The links
        protect them from garbage collection until the machine is installed. With `null`, no links are made.
      '';
    };
    hardwareReport = {
      file = mkOption {
        type = types.nullOr (types.strMatching "/.*[^/]");
        default = null;
        example = "/root/fediversity-network/web.json";
        description = ''
          A file on the deploying machine, as a string, to which the installer's hardware report (of nixos-facter) is
          written. After the install, `nixos.module.hardware.facter.reportPath = ./web.json;` uses it, also for later
          installs.
        '';
      };
      use = mkOption {
        type = types.bool;
        default = false;
        description = ''
          Whether the system that is deployed after the install uses the hardware report, as `hardware.facter.report`. The
          installed system itself is built without it.
        '';
      };
    };
    server = mkOption {
      type = named.Server;
      default = { };
      description = "How to reach the boot service. The default is its unix socket on the deploying machine.";
    };

    disk =
      diskOptions {
        disk = "the disk to install to";
        minBytes = 8000000000;
      }
      // {
        allowWipe = mkOption {
          type = types.bool;
          default = false;
          description = ''
            Whether the disk may be wiped if it has data on it. **All its data is lost.** Exactly one disk of the machine
            must match the options of `disk`; otherwise nothing is installed. A removable disk matches only by `byId` or
            `serial`.
          '';
        };
      };
    disks = mkOption {
      type = types.attrsOf (
        types.submodule {
          options = diskOptions { disk = "the disk"; } // {
            path = mkOption {
              type = types.nullOr (types.strMatching "/dev/[^ ]+");
              default = null;
              description = "A path of the disk, such as `/dev/disk/by-path/pci-0000:00:1f.2-ata-2`.";
            };
            allowWipe = mkOption {
              type = types.bool;
              default = false;
              description = "Whether the disk may be wiped if it has data on it. **All its data is lost.**";
            };
          };
        }
      );
      default = { };
      example.data.serial = "S64ANS0T123457";
      description = ''
        The other disks, by their names in the layout (`disko.devices.disk`). The installer finds and checks all disks of the
        layout before it wipes any. The options here select the disks whose `device` is `/dev/disk/nixops4-<name>`; any other
        `device` selects the disk itself. A layout with a pool or a file system on a device outside of its disks is refused.
      '';
    };
    diskoScript = mkOption {
      type = types.path;
      default = system.pkgs.writeShellScript "disko-${config.hostName}" ''
        ${disks.links}
        exec ${lib.getExe system.config.system.build.destroyFormatMount} --yes-wipe-all-disks
      '';
      defaultText = lib.literalMD "disko's, with the chosen disk as `/dev/disk/nixops4`";
      description = ''
        The program that partitions and formats the disks, and mounts them on `/mnt`. Its arguments are the path of the disk
        that `disk` selects, and those of `disks` in the order of their names. The first is also in the environment variable
        `NIXOPS4_DISK`.
      '';
    };
    substituters = mkOption {
      type = types.nonEmptyListOf (
        types.submodule {
          options = {
            url = mkOption {
              type = types.strMatching "https?://[^ ?#@]+";
              description = "The URL of the binary cache.";
            };
            publicKey = mkOption {
              type = types.strMatching "[^:]+:[A-Za-z0-9+/]+=*";
              description = "The public key of its signatures, such as `landscaper-1:AAAA…`.";
            };
          };
        }
      );
      description = "The binary caches from which the installer copies the machine's system.";
    };

    installGeneration = mkOption {
      type = types.ints.between 1 2147483648;
      default = 1;
      description = ''
        The machine installs itself once for each value. **A higher value installs it again, which wipes its disk.** The
        value cannot be lowered.
      '';
    };
    onInterrupted = mkOption {
      type = types.enum [
        "hold"
        "retry"
      ];
      default = "hold";
      description = ''
        The behaviour of a network boot after a failed or interrupted install: `hold` boots from disk until
        `installGeneration` is raised, `retry` installs again.
      '';
    };
    installer = {
      secretFiles = mkOption {
        type = types.attrsOf (types.strMatching "/.*[^/]");
        default = { };
        example.disk = "/var/lib/nixops4/web-disk";
        description = ''
          Files on the deploying machine, as strings, that the installer gets as `/run/nixops4/<name>`, such as the key for
          an encrypted disk. Only this machine gets them. The boot service deletes them when the machine is installed.
        '';
      };
      configuration = mkOption {
        type = types.raw;
        default = import ./common/installer.nix {
          inherit self;
          inherit (config) nixpkgs architecture;
          inherit (config.ssh) authorizedKeys;
        };
        defaultText = lib.literalMD "a NixOS configuration of `nixosModules.installer`";
        description = "The NixOS configuration of the installer. It provides the defaults of `kernel`, `initrd` and `cmdline`.";
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
        description = "The command line of the installer's kernel.";
      };
    };
  };

  options.optionPath = mkOption {
    type = types.str;
    default = lib.showOption (lib.init options.mac.loc);
    internal = true;
    description = "The path of the option that declares this host, for messages.";
  };
  options.installsItself = mkOption {
    type = types.bool;
    default = true;
    internal = true;
    description = "Whether the machine is installed by a network boot.";
  };
  options.firstHostPublicKey = mkOption {
    type = types.str;
    default = members.installation_host_key.outputs.publicKey;
    internal = true;
    description = "The host key of the machine before `ssh_host_public_key` replaces it.";
  };
  options.nixos.base = mkOption {
    type = types.deferredModule;
    internal = true;
    description = "The NixOS module with everything that nixops4 needs to reach the host.";
  };
  options.problems = mkOption {
    type = types.listOf types.str;
    internal = true;
    description = "The errors in the options of this host. They are raised before any member is applied.";
  };

  config = {
    problems =
      lib.optional (!isAddress ip) "${option "ip"} is no IP address: ${ip}"
      ++
        lib.optional (isAddress ip && prefixLength > (if isV4 ip then 32 else 128))
          "${option "prefixLength"} is ${toString prefixLength}, more than the bits of ${option "ip"}, ${ip}"
      ++
        lib.optional
          (
            isAddress ip
            && gateway != null
            && !(isAddress gateway && (inSameNetwork prefixLength ip gateway || isLinkLocal gateway))
          )
          "${option "gateway"} is ${gateway}, which is not on the network of ${option "ip"}, ${ip}/${toString prefixLength}"
      ++ lib.optional (
        isAddress ip && gateway != null && isAddress gateway && isSame ip gateway
      ) "${option "gateway"} is the address of the machine itself, ${ip}"
      ++ wrongSize "disk" config.disk
      ++ lib.concatLists (lib.mapAttrsToList (name: wrongSize "disks.${name}") config.disks);

    # Two members need `state`. With this, the error for a missing state names the host.
    requireState = true;
    ssh.host = preset ip;
    providers = {
      inherit (self.modules.nixops4Provider) ssh ssh-keypair pxe-nbp;
    };
    nixos.module = config.nixos.base;
    nixos.base = import ./common/installed-host.nix {
      inherit (config)
        hostName
        architecture
        mac
        bond
        vlan
        ip
        prefixLength
        gateway
        nameservers
        ;
      inherit (config.ssh) user authorizedKeys;
    };

    members = lib.throwIf (problems != [ ]) (lib.concatStringsSep "\n" problems) (
      removeAttrs {
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
              gcRootsFolder
              ;
            name = config.hostName;
            kernel = "${config.installer.kernel}";
            initrd = "${config.installer.initrd}";
            inherit (config.installer) cmdline;
            login = "${config.ssh.user}@${ip}";
            files = {
              "/nixops4/install.json" = {
                mode = "0600";
                contents = builtins.toJSON {
                  version = 2;
                  inherit (config) hostName substituters;
                  inherit hostKeyPath;
                  disks = disks.job;
                  system = "${system.config.system.build.toplevel}";
                  diskoScript = "${config.diskoScript}";
                  rootMount = "/mnt";
                };
              };
              "/nixops4/ssh_host_ed25519_key".secret.file = members.installation_host_key.outputs.privateKeyFile;
              "/nixops4/ssh_host_ed25519_key.pub".contents =
                "${members.installation_host_key.outputs.publicKey}\n";
            }
            // lib.mapAttrs' (
              name: file: lib.nameValuePair "/nixops4/${name}" { secret = { inherit file; }; }
            ) config.installer.secretFiles;
          };
        };

        installation = {
          type = providers.pxe-nbp.installed;
          inputs = {
            inherit (config) server installGeneration gcRootsFolder;
            hardwareReport = config.hardwareReport.use;
            hardwareReportFile = config.hardwareReport.file;
            inherit (members.installation_pxe_nbp.outputs) entryId;
          };
        };

        ssh_host_public_key = {
          type = providers.ssh.host_key;
          inherit (config) state;
          inputs = {
            connection = login // {
              hostPublicKeys = [ config.firstHostPublicKey ];
            };
            sudo = config.sudo.enable;
            # After another installation, the machine has the temporary key again.
            keepers = lib.mkIf config.installsItself { inherit (members.installation.outputs) installedAt; };
            # The firmware of a server can take many minutes.
            timeoutSeconds = preset 1800;
          };
        };

        nixos = {
          imports = [ self.modules.nixops4Component.nixos ];
          nixos.configuration =
            if config.hardwareReport.use then
              config.nixos.configuration.extendModules {
                modules = [
                  {
                    hardware.facter.report = lib.mkIf (members.installation.outputs.hardwareReport != null) (
                      builtins.fromJSON members.installation.outputs.hardwareReport
                    );
                  }
                ];
              }
            else
              config.nixos.configuration;
          ssh = login // {
            inherit (members.ssh_host_public_key.outputs) hostPublicKey;
          };
          sudo = { inherit (config.sudo) enable; };
        };
      } installation
    );
  };
}
