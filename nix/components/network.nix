# A network: the landscaper, which runs nixops4, and the hosts that it installs. Each host is a `bare-metal-host`: all
# of its options can be set for one host, and in `defaults` for all.
{ self, ... }:
{
  config,
  lib,
  members,
  providers,
  ...
}:
let
  inherit (lib) mkDefault mkOption types;
  inherit (config) landscaper roles;

  # A host of such a name would be taken for a part of the other member.
  membersOfItsOwn = [
    "deploy_key"
    "landscaper"
    "landscaper_cache_key"
    "landscaper_login"
    "state"
  ];

  hostsOption =
    name: description:
    mkOption {
      type = types.lazyAttrsOf types.deferredModule;
      default = { };
      example = lib.literalExpression ''{ web = { mac = "52:54:00:12:34:56"; ip = "10.0.0.9"; }; }'';
      inherit description;
      apply = lib.mapAttrs (
        host:
        lib.throwIf (lib.elem host membersOfItsOwn) "The option `${name}.${host}' has the name of another member of the network."
      );
    };

  host = module: {
    imports = [
      self.modules.nixops4Component.bare-metal-host
      (lib.mkAliasOptionModule [ "module" ] [ "nixos" "module" ])
      hostModule
      config.defaults
      module
    ];
  };

  hostModule =
    { config, ... }:
    {
      options.role = mkOption {
        type = types.nullOr (types.enum (lib.attrNames roles));
        default = null;
        description = "What the host is for: one of `roles`.";
      };
      config = {
        state = mkDefault network.state;
        nixpkgs = mkDefault network.nixpkgs;
        nixos.module = lib.mkIf (config.role != null) roles.${config.role};
        ssh.privateKey = mkDefault { file = members.deploy_key.outputs.privateKeyFile; };
        ssh.authorizedKeys = authorizedKeys;
        installer.configuration = mkDefault installers.${config.architecture};
        substituters = lib.mkIf (landscaper.cache.url != null) [
          {
            inherit (landscaper.cache) url;
            publicKey = lib.trim members.landscaper_cache_key.outputs.stdout;
          }
        ];
      };
    };

  network = config;
  authorizedKeys = [ members.deploy_key.outputs.publicKey ] ++ config.authorizedKeys;
  # Evaluated once for all hosts.
  installers = lib.genAttrs [ "x86_64" "aarch64" ] (
    architecture:
    import ./common/installer.nix {
      inherit self architecture;
      inherit (config) nixpkgs authorizedKeys;
    }
  );
in
{
  _class = "nixops4Component";

  options = {
    nixpkgs = mkOption {
      type = types.raw;
      description = "The flake of nixpkgs that all hosts are made with.";
    };
    proxmoxMACs = hostsOption "proxmoxMACs" ''
      The hosts of the role `proxmox`, by name. One more line here is one more machine:
      apply, turn it on, and it installs itself.
    '';
    hosts = hostsOption "hosts" "Hosts of any role, by name.";
    roles = mkOption {
      type = types.lazyAttrsOf types.deferredModule;
      default = { };
      description = "What hosts can be for: NixOS modules by the name that `role` of a host has.";
    };
    defaults = mkOption {
      type = types.deferredModule;
      default = { };
      description = "What holds for all hosts: options of `bare-metal-host`, as `gateway`.";
    };
    authorizedKeys = mkOption {
      type = types.listOf types.nonEmptyStr;
      default = [ ];
      description = "The public keys of the people who may log in to all hosts, as lines of the form `ssh-ed25519 AAAA…`.";
    };
    stateFile = mkOption {
      type = types.nonEmptyStr;
      default = "state.json";
      description = "The file that nixops4 keeps its state in, relative to the folder that it is run in.";
    };
    deployKeyFile = mkOption {
      type = types.nonEmptyStr;
      default = "/root/.ssh/id_ed25519";
      description = "The private key on the landscaper that logs in to all hosts. It is made where there is none.";
    };
    landscaper = {
      module = mkOption {
        type = types.nullOr types.deferredModule;
        default = null;
        description = "The NixOS configuration of the landscaper itself. When not set, its system is left alone.";
      };
      cache.url = mkOption {
        type = types.nullOr types.nonEmptyStr;
        default = null;
        example = "http://10.0.0.1:5000";
        description = "The binary cache on the landscaper that hosts install themselves from.";
      };
      cache.publicKeyFile = mkOption {
        type = types.nonEmptyStr;
        default = "/var/lib/nixops4-cache/public-key";
        description = "The file on the landscaper with the public key of that cache.";
      };
    };
  };

  config = {
    requireState = true;
    state = mkDefault members.state;
    providers = {
      inherit (self.modules.nixops4Provider) local ssh-keypair;
    };

    members = lib.mkMerge [
      (lib.mapAttrs (_: host) config.hosts)
      (lib.mapAttrs (_: module: {
        imports = [ (host module) ];
        role = mkDefault "proxmox";
      }) config.proxmoxMACs)
      {
        state = {
          type = providers.local.state_file;
          inputs.name = config.stateFile;
        };
        deploy_key = {
          type = providers.ssh-keypair.keypair;
          inherit (config) state;
          inputs = {
            privateKeyFile = config.deployKeyFile;
            comment = "nixops4";
          };
        };
      }
      (lib.mkIf (landscaper.cache.url != null) {
        landscaper_cache_key = {
          type = providers.local.exec;
          inputs = {
            executable = "cat";
            args = [ landscaper.cache.publicKeyFile ];
          };
        };
      })
      (lib.mkIf (landscaper.module != null) {
        landscaper_login = {
          type = providers.local.exec;
          inputs = {
            executable = "sh";
            args = [
              "-euc"
              ''
                mkdir -p -m 700 ~/.ssh
                touch ~/.ssh/authorized_keys
                grep -qxF "$1" ~/.ssh/authorized_keys || printf '%s\n' "$1" >> ~/.ssh/authorized_keys
                cat /etc/ssh/ssh_host_ed25519_key.pub
              ''
              "sh"
              members.deploy_key.outputs.publicKey
            ];
          };
        };
        landscaper = {
          imports = [ self.modules.nixops4Component.nixos ];
          inherit (config) nixpkgs;
          nixos.module = landscaper.module;
          ssh = {
            host = "localhost";
            privateKey.file = members.deploy_key.outputs.privateKeyFile;
            hostPublicKey = members.landscaper_login.outputs.stdout;
          };
        };
      })
    ];
  };
}
