# Evaluates our NixOS modules in some configurations, for e2e/tests/nixos-modules.int.test.ts.
# configuration: the file that the installer image writes.
{
  configuration ? null,
}:
let
  lib = import (builtins.getEnv "NIXPKGS_LIB_SOURCE" + "/lib");
  pkgsFor = system: import ./nixos/pkgs.nix { inherit lib system; };
  nixosSystem = import ./nixos/nixos-system.nix { inherit lib pkgsFor; };
  inherit (import ../lib/folders.nix { inherit lib; }) filesIn;
  inherit (import ../lib/modules.nix { inherit lib; }) modulesIn;

  self = {
    outPath = "/nix/store/00000000000000000000000000000000-source";
    inputs.nixops4 = {
      outPath = "/nix/store/00000000000000000000000000000000-nixops4";
      packages.x86_64-linux.default = (pkgsFor "x86_64-linux").emptyFile;
      inputs.crane.outPath = "/nix/store/00000000000000000000000000000000-crane";
    };
    packages.x86_64-linux = import ../packages { pkgs = pkgsFor "x86_64-linux"; };
    nixosModules = modulesIn "nixos" ../nixos { inherit self; };
    templates.default.path = ../../templates/default;
  };
  system =
    name: modules:
    nixosSystem {
      modules = [
        self.nixosModules.${name}
        { nixpkgs.hostPlatform = "x86_64-linux"; }
      ]
      ++ modules;
    };
  evaluate =
    name: modules:
    let
      inherit (system name modules) config options;
    in
    summary config
    // {
      undocumented = map (option: option.name) (
        lib.filter (option: lib.hasInfix "nixops4" option.name && option.description == null) (
          lib.optionAttrSetToDocList options
        )
      );
    };
  summary = config: {
    inherit (config)
      boot
      fileSystems
      hardware
      networking
      users
      ;
    inherit (config.services)
      dnsmasq
      harmonia
      openssh
      qemuGuest
      ;
    inherit (config.system) extraDependencies nixos-generate-config stateVersion;
    inherit (config.systemd) services sockets;
    bootServerSettings = config.services.nixops4-landscaper.bootServer.settings or null;
    failed = map (assertion: assertion.message) (
      lib.filter (assertion: !assertion.assertion) config.assertions
    );
    packages = map lib.getName config.environment.systemPackages;
    virtualisation = config.virtualisation or { };
  };
  landscaper =
    settings:
    evaluate "landscaper" [
      {
        networking.hostName = "landscaper";
        services.nixops4-landscaper = {
          enable = true;
          interface = "eth1";
          address = "10.0.0.1";
          dhcp.range = lib.mkDefault "10.0.0.100,10.0.0.199";
        };
      }
      { services.nixops4-landscaper = settings; }
    ];
in
{
  landscaper = {
    standard = landscaper { };
    proxy = landscaper {
      dhcp = {
        mode = "proxy";
        range = "10.0.0.0";
      };
    };
    full = landscaper {
      apply = {
        enable = true;
        members = [ "host1" ];
        startAt = [ "hourly" ];
      };
      bootServer = {
        firmwares = [
          "bios"
          "efi-x64"
          "efi-arm64"
        ];
        settings = {
          graceSeconds = 60;
          http.port = 8081;
        };
      };
      dhcp = {
        router = "10.0.0.254";
        nameservers = [
          "10.0.0.2"
          "10.0.0.3"
        ];
      };
    };
    little = landscaper {
      cache.enable = false;
      dhcp.enable = false;
    };
    closed = landscaper { openFirewall = false; };
    beside = evaluate "landscaper" [
      self.nixosModules.landscaper
      { imports = [ self.nixosModules.landscaper ]; }
      self.nixosModules.landscaper-iso
      {
        networking = {
          hostName = "landscaper";
          interfaces.eth1.ipv4.addresses = [
            {
              address = "10.0.0.1";
              prefixLength = 24;
            }
          ];
        };
        services.nixops4-landscaper = {
          enable = true;
          interface = "eth1";
          address = "10.0.0.1";
          dhcp.range = "10.0.0.100,10.0.0.199";
        };
        services.dnsmasq = {
          resolveLocalQueries = true;
          settings = {
            port = 53;
            interface = [ "lan" ];
            dhcp-range = [ "192.168.7.10,192.168.7.20" ];
            domain-needed = true;
          };
        };
      }
    ];
    wrongRange = landscaper { dhcp.range = "10.0.0.0"; };
    wrongNumber = landscaper { dhcp.range = "10.0.0.100,10.0.0.300"; };
    wrongOrder = landscaper { dhcp.range = "10.0.0.199,10.0.0.100"; };
    wrongOwn = landscaper { dhcp.range = "10.0.0.1,10.0.0.100"; };
    wrongPort = landscaper { cache.port = 8080; };
    wrongNetwork = evaluate "landscaper" [
      {
        networking.interfaces.eth1.ipv4.addresses = [
          {
            address = "10.0.0.1";
            prefixLength = 24;
          }
        ];
        services.nixops4-landscaper = {
          enable = true;
          interface = "eth1";
          address = "10.0.0.1";
          dhcp.range = "10.0.1.100,10.0.1.199";
          dhcp.router = "10.0.2.1";
        };
      }
    ];
    wrongAddress = landscaper { address = lib.mkForce "landscaper.example.org"; };
    wrongMode = landscaper { dhcp.mode = "relay"; };
    unknownOption = landscaper { dhpc = { }; };
    disabled = evaluate "landscaper" [ ];
  };
  generated = evaluate "landscaper" [ configuration ];
  installer = evaluate "installer" [ { nixops4.installer.authorizedKeys = [ "ssh-ed25519 AAAA" ]; } ];
  landscaper-iso = evaluate "landscaper-iso" [ ];
  proxmox-guest = evaluate "proxmox-guest" [
    {
      fileSystems."/" = {
        device = "/dev/disk/by-label/nixos";
        fsType = "ext4";
      };
    }
  ];

  # The tests in virtual machines: their scripts and nodes, without running them.
  checks =
    lib.mapAttrs
      (_: test: {
        inherit (test) testScript;
        nodes = lib.mapAttrs (_: summary) test.nodes;
      })
      (
        lib.filterAttrs (_: check: check ? nodes) (
          lib.mapAttrs (
            _: path:
            import path {
              inherit self;
              pkgs = pkgsFor "x86_64-linux";
            }
          ) (filesIn ".nix" ../checks)
        )
      );

  # For docs/reference/nixos-modules.md.
  options = lib.genAttrs [ "landscaper" "installer" ] (
    name:
    map
      (option: {
        inherit (option) name type description;
        default = option.default.text or null;
      })
      (
        lib.filter (option: lib.hasInfix "nixops4" option.name && option.visible && !option.internal) (
          lib.optionAttrSetToDocList (system name [ ]).options
        )
      )
  );
}
