# A network: the landscaper, which runs nixops4, and the hosts that it installs. Each host is a `bare-metal-host`, or a
# `virtual-machine` when it has `vm.node`. All their options can be set for one host, or in `defaults` for all.
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
  inherit (import ../lib/types.nix { inherit lib; }) hostName ipv4Pattern;
  inherit (import ../lib/ip.nix { inherit lib; }) isAddress isSame isV4;
  dnsTypes =
    (import ../lib/schema-types.nix {
      inherit lib;
      manifest = lib.importJSON ../providers/dns.json;
    }).named;
  asDefaults = import ../lib/as-defaults.nix { inherit lib; };

  # A priority that `defaults` overrides. Hosts override `defaults` in turn.
  preset = lib.mkOverride 1250;

  # A host with one of these names would be merged with that member.
  membersOfItsOwn = [
    "deploy_key"
    "landscaper"
    "landscaper_cache_key"
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

  # The option that defines a host.
  optionOf = name: "${if config.proxmoxMACs ? ${name} then "proxmoxMACs" else "hosts"}.${name}";
  hosts =
    let
      both = lib.attrNames (lib.intersectAttrs config.proxmoxMACs config.hosts);
    in
    lib.throwIf (both != [ ])
      "The options `proxmoxMACs.${lib.head both}' and `hosts.${lib.head both}' are one host."
      (config.proxmoxMACs // config.hosts);

  # Properties that must be different for each machine.
  unique = {
    ip = {
      of = host: [ host.ip ];
      same = isSame;
    };
    mac = {
      of =
        host:
        lib.unique (
          map (mac: lib.toLower (lib.replaceStrings [ "-" ] [ ":" ] mac)) (
            [ host.mac ] ++ host.macs ++ lib.optionals (host.bond != null) host.bond.macs
          )
        );
      same = one: other: one == other;
    };
    hostName = {
      of = host: [ (lib.toLower host.hostName) ];
      same = one: other: one == other;
    };
  };
  clashes =
    name: host:
    lib.concatMap (
      other:
      lib.concatLists (
        lib.mapAttrsToList (
          option:
          { of, same }:
          map (value: "`${optionOf name}.${option}' is that of `${optionOf other}', too: ${value}") (
            lib.filter (value: lib.any (same value) (of config.members.${other})) (of host)
          )
        ) unique
      )
    ) (lib.remove name (lib.attrNames hosts));

  # The address in the cache's URL, if it has one.
  landscaperAddress =
    let
      at = address: builtins.match "https?://${address}(:[0-9]+)?/?" (toString landscaper.cache.url);
      found =
        lib.findFirst (found: found != null)
          [ null ]
          [
            (at "(${ipv4Pattern})")
            (at "\\[([0-9A-Fa-f:.]+)]")
          ];
    in
    if isAddress (toString (lib.head found)) then lib.head found else null;

  host = name: module: {
    imports = [
      self.modules.nixops4Component.virtual-machine
      (lib.mkAliasOptionModule [ "module" ] [ "nixos" "module" ])
      (hostModule name)
      (asDefaults config.defaults)
      module
    ];
  };

  hostModule =
    name:
    {
      config,
      members,
      providers,
      ...
    }:
    let
      record = inputs: {
        type = providers.dns.record_set;
        inherit (config) state;
        inputs = {
          inherit (dns) server zone ttl;
          name = config.hostName;
        }
        // inputs;
      };
    in
    {
      options.role = mkOption {
        type = types.nullOr (types.enum (lib.attrNames roles));
        default = null;
        description = "The role of the host: a name in `roles`.";
      };
      config = {
        state = preset network.state;
        nixpkgs = preset network.nixpkgs;
        nixos.module = lib.mkIf (config.role != null) roles.${config.role};
        ssh.privateKey = preset { file = deployKey.privateKeyFile; };
        ssh.authorizedKeys = authorizedKeys;
        installer.configuration = preset installers.${config.architecture};
        vm.owner = preset network.name;
        # A VM on a Proxmox host of this network waits until that host is deployed.
        vm.waitsFor = lib.optional (
          config.vm.node != null && network.proxmoxMACs ? ${config.vm.node}
        ) networkMembers.${config.vm.node}.members.nixos.outputs.generation;
        keyFolder = preset "${network.directory}/keys";
        optionPath = optionOf name;
        problems =
          clashes name config
          ++ lib.optional (
            landscaperAddress != null && isSame config.ip landscaperAddress
          ) "`${optionOf name}.ip' is that of `landscaper.cache.url': ${config.ip}";
        substituters = lib.mkIf (landscaper.cache.url != null) [
          {
            inherit (landscaper.cache) url;
            publicKey = lib.trim networkMembers.landscaper_cache_key.outputs.stdout;
          }
        ];

        providers = lib.mkIf (dns.zone != null) { inherit (self.modules.nixops4Provider) dns; };
        members = lib.mkIf (dns.zone != null) (
          {
            dns_address = record {
              type = if isV4 config.ip then "A" else "AAAA";
              values = [ config.ip ];
              inherit (dns) reverse;
            };
          }
          // lib.optionalAttrs dns.sshfp {
            dns_sshfp = record {
              type = "SSHFP";
              values = members.ssh_host_public_key.outputs.sshfp;
            };
          }
        );
      };
    };

  inherit (config) dns;
  network = config;
  networkMembers = members;
  deployKey = members.deploy_key.outputs;
  authorizedKeys = [ deployKey.publicKey ] ++ config.authorizedKeys;
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
      The hosts of the role `proxmox`, by name. To add a machine, add a line here, apply, and turn the machine on: it
      installs itself.
    '';
    hosts = hostsOption "hosts" "The hosts of any role, by name.";
    roles = mkOption {
      type = types.lazyAttrsOf types.deferredModule;
      default = { };
      description = "The roles of hosts: NixOS modules by name. The option `role` of a host selects one.";
    };
    defaults = mkOption {
      type = types.deferredModule;
      default = { };
      description = ''
        Defaults for all hosts: options of `bare-metal-host`, such as `gateway`. A value of a host overrides the default, except
        for NixOS modules, authorized keys and substituters, which are merged.
      '';
    };
    authorizedKeys = mkOption {
      type = types.listOf types.nonEmptyStr;
      default = [ ];
      description = "The public keys of the people who may log in to all hosts, as lines of the form `ssh-ed25519 AAAA…`.";
    };
    name = mkOption {
      type = hostName;
      default = "network";
      description = "The name of the network. Two networks that are applied on one machine must have different ones.";
    };
    directory = mkOption {
      type = types.strMatching "/.*";
      default = "/var/lib/nixops4/${config.name}";
      defaultText = lib.literalMD "`/var/lib/nixops4/<name>`";
      description = ''
        The folder on the deploying machine for state and keys. It must be outside of the folder of the flake, which Nix copies
        to its store, where every user can read it. Back it up.
      '';
    };
    dns = {
      zone = mkOption {
        type = types.nullOr types.nonEmptyStr;
        default = null;
        example = "example.org";
        description = ''
          The DNS zone for the names of the hosts. When set, each host has two more members: `dns_address`, its A or AAAA
          record with the PTR record, and `dns_sshfp`, the SSHFP records of its host key.
        '';
      };
      server = mkOption {
        type = dnsTypes.Server;
        example = lib.literalExpression ''
          {
            powerdns = {
              url = "http://127.0.0.1:8081";
              apiKey.file = "/root/powerdns-api-key";
            };
          }
        '';
        description = "The DNS server of the zone: the input `server` of `dns.record_set`.";
      };
      ttl = mkOption {
        type = types.ints.between 0 2147483647;
        default = 3600;
        description = "The TTL of the records, in seconds.";
      };
      reverse = mkOption {
        type = types.bool;
        default = true;
        description = "Whether to write PTR records. The reverse zone of the addresses must be on the same server.";
      };
      sshfp = mkOption {
        type = types.bool;
        default = (config.dns.server.hetzner or null) == null;
        defaultText = lib.literalMD "whether the server takes SSHFP records: all but Hetzner do";
        description = "Whether to write SSHFP records. `ssh -o VerifyHostKeyDNS=yes` trusts them in a zone with DNSSEC.";
      };
    };
    stateFile = mkOption {
      type = types.nonEmptyStr;
      default = "${config.directory}/state.json";
      defaultText = lib.literalMD "`<directory>/state.json`";
      description = "The state file of nixops4.";
    };
    deployKeyFile = mkOption {
      type = types.nonEmptyStr;
      default = "/root/.ssh/id_ed25519";
      description = "The file on the landscaper with the private key for logins to all hosts. It is created if it does not exist.";
    };
    landscaper = {
      module = mkOption {
        type = types.nullOr types.deferredModule;
        default = null;
        description = "The NixOS configuration of the landscaper. When not set, the landscaper itself is not deployed.";
      };
      cache.url = mkOption {
        type = types.nullOr types.nonEmptyStr;
        default = null;
        example = "http://10.0.0.1:5000";
        description = "The URL of the binary cache on the landscaper, from which hosts are installed.";
      };
      cache.publicKeyFile = mkOption {
        type = types.nonEmptyStr;
        default = "/var/lib/nixops4-cache/public-key";
        description = "The file on the landscaper with the public key of this cache.";
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
      (lib.mapAttrs host hosts)
      (lib.mapAttrs (_: _: { role = preset "proxmox"; }) config.proxmoxMACs)
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
        # A composite like the hosts, so that nixops4 can apply it by its path.
        landscaper =
          { members, ... }:
          {
            members.login = {
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
                  deployKey.publicKey
                ];
              };
            };
            members.nixos = {
              imports = [ self.modules.nixops4Component.nixos ];
              inherit (config) nixpkgs;
              nixos.module = landscaper.module;
              ssh = {
                host = "localhost";
                privateKey.file = deployKey.privateKeyFile;
                hostPublicKey = members.login.outputs.stdout;
              };
            };
          };
      })
    ];
  };
}
