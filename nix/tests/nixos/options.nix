# The options of NixOS that our modules set, with their types: a name or a value that NixOS refuses is also refused
# here.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };
  required = type: mkOption { inherit type; };
  list = type: option (types.listOf type) [ ];
  set = type: option (types.attrsOf type) { };
  submodule = options: types.submodule { inherit options; };
  enable = option types.bool false;
  text = option types.lines "";

  settingsAtom = types.oneOf [
    types.bool
    types.int
    types.float
    types.str
  ];
  unitValue = types.oneOf [
    types.bool
    types.int
    types.float
    types.str
    types.path
    types.package
    (types.listOf types.str)
  ];
  unitName = types.strMatching "[a-zA-Z0-9@%:_.\\-]+[.](service|socket|device|mount|automount|swap|target|path|timer|scope|slice)";
  unit = {
    description = option types.singleLineStr "";
    after = list unitName;
    before = list unitName;
    requires = list unitName;
    requiredBy = list unitName;
    wants = list unitName;
    wantedBy = list unitName;
    unitConfig = set unitValue;
  };
  hasKnown =
    field: values: config:
    !config ? ${field} || lib.elem config.${field} values;
  isService =
    config:
    lib.all (check: check config) [
      (hasKnown "Type" [
        "dbus"
        "exec"
        "forking"
        "idle"
        "notify"
        "notify-reload"
        "oneshot"
        "simple"
      ])
      (hasKnown "Restart" [
        "always"
        "no"
        "on-abnormal"
        "on-abort"
        "on-failure"
        "on-success"
      ])
    ];
  service = submodule (
    unit
    // {
      environment = set (types.nullOr (types.either types.str types.path));
      path = list (types.either types.package types.str);
      restartIfChanged = option types.bool true;
      script = text;
      serviceConfig = option (types.addCheck (types.attrsOf unitValue) isService) { };
      startAt = option (types.either types.str (types.listOf types.str)) [ ];
    }
  );
  socket = submodule (
    unit
    // {
      listenDatagrams = list types.str;
      listenStreams = list types.str;
      socketConfig = set unitValue;
    }
  );
in
{
  options = {
    assertions = list types.unspecified;
    boot = {
      initrd = {
        availableKernelModules = list types.str;
        systemd = {
          inherit enable;
          services = set service;
        };
      };
      zfs = {
        enabled = option types.bool true;
        package = option types.package pkgs.zfs;
      };
      growPartition = option types.bool false;
      kernelParams = list types.str;
      loader.grub.device = option types.str "";
    };
    documentation = {
      inherit enable;
      nixos = { inherit enable; };
    };
    environment.systemPackages = list types.package;
    hardware = {
      enableAllHardware = option types.bool false;
      enableRedistributableFirmware = option types.bool false;
    };
    fileSystems = set (submodule {
      autoResize = option types.bool false;
      device = required types.nonEmptyStr;
      fsType = required types.nonEmptyStr;
    });
    isoImage.appendToMenuLabel = option types.str "";
    networking = {
      firewall = {
        enable = option types.bool true;
        interfaces = set (submodule {
          allowedTCPPorts = list types.port;
          allowedUDPPorts = list types.port;
        });
      };
      hostName = option (types.strMatching "|[[:alnum:]]([[:alnum:]_-]{0,61}[[:alnum:]])?") "nixos";
      interfaces = set (submodule {
        ipv4.addresses = list (submodule {
          address = required types.str;
          prefixLength = required (types.ints.between 0 32);
        });
        useDHCP = option (types.nullOr types.bool) null;
      });
      networkmanager = { inherit enable; };
      useDHCP = option types.bool true;
      useNetworkd = option types.bool false;
      wireless = { inherit enable; };
    };
    nix = {
      package = option types.package pkgs.nix;
      settings = set (types.either types.str (types.listOf types.str));
    };
    nixpkgs.hostPlatform = required types.str;
    services = {
      dnsmasq = {
        inherit enable;
        resolveLocalQueries = option types.bool true;
        settings = set (types.either settingsAtom (types.listOf settingsAtom));
      };
      getty.helpLine = text;
      qemuGuest = { inherit enable; };
      harmonia.cache = {
        inherit enable;
        settings = set (types.either types.str types.int);
        signKeyPaths = list types.path;
      };
      openssh = {
        inherit enable;
        hostKeys = list (types.attrsOf types.unspecified);
        settings = set types.str;
      };
    };
    system = {
      boot.loader.kernelFile = option types.str "bzImage";
      build = option (types.lazyAttrsOf types.unspecified) { };
      extraDependencies = list types.pathInStore;
      installer.channel.enable = option types.bool true;
      nixos.release = option types.str "26.11";
      nixos-generate-config = {
        configuration = option types.str "";
        flake = option types.str "";
      };
      stateVersion = option types.str "26.11";
    };
    systemd = {
      network.networks = set (submodule {
        address = list types.str;
        matchConfig = set unitValue;
      });
      services = set service;
      sockets = set socket;
    };
    users.users = set (submodule {
      openssh.authorizedKeys.keys = list types.singleLineStr;
    });
  };
  # As in harmonia's own module, the socket starts the cache when the first client connects.
  config.systemd = lib.mkIf config.services.harmonia.cache.enable {
    services.harmonia = rec {
      requires = [ "harmonia.socket" ];
      after = requires;
    };
    sockets.harmonia = {
      wantedBy = [ "sockets.target" ];
      socketConfig.ListenStream = config.services.harmonia.cache.settings.bind;
    };
  };
  config.system.build = {
    # Makes the system depend on its configuration.
    toplevel = pkgs.writeText "nixos-system-${config.networking.hostName}" (
      builtins.toJSON {
        inherit (config)
          boot
          environment
          fileSystems
          networking
          services
          systemd
          users
          ;
      }
    );
    nixos-install = pkgs.nixos-install;
  };
}
