{ self }:
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.services.nixops4-landscaper;
  inherit (cfg) bootServer;
  inherit (pkgs.stdenv.hostPlatform) system;
  json = pkgs.formats.json { };

  # Invalid settings fail the build, and not the service.
  configFile =
    pkgs.runCommand "nixops4-boot-server.json"
      {
        unchecked = json.generate "nixops4-boot-server.json" bootServer.settings;
      }
      ''
        ${lib.getExe bootServer.package} check-config --config "$unchecked" > "$out"
      '';

  firmwares = {
    bios = {
      nbp = "undionly.kpxe";
      target = "bin/undionly.kpxe";
      cross = "gnu64";
      system = "x86_64-linux";
    };
    efi-x64 = {
      nbp = "snponly.efi";
      target = "bin-x86_64-efi/snponly.efi";
      cross = "gnu64";
      system = "x86_64-linux";
    };
    efi-arm64 = {
      nbp = "snponly-arm64.efi";
      target = "bin-arm64-efi/snponly.efi";
      cross = "aarch64-multiplatform";
      system = "aarch64-linux";
    };
  };
  ipxe =
    firmware:
    (if firmware.system == system then pkgs else pkgs.pkgsCross.${firmware.cross}).ipxe.override {
      additionalTargets.${firmware.target} = null;
    };
in
{
  options.services.nixops4-landscaper.bootServer = {
    package = mkOption {
      type = types.package;
      default = self.packages.${system}.boot-server;
      defaultText = lib.literalExpression "nixops4-providers.packages.\${system}.boot-server";
      description = "The package of the boot service.";
    };
    firmwares = mkOption {
      type = types.nonEmptyListOf (types.enum (lib.attrNames firmwares));
      default = [
        "bios"
        "efi-x64"
      ];
      description = ''
        The kinds of firmware to build iPXE for. For an architecture other than this server's, a cross compiler is built,
        too, if no cache has it.
      '';
    };
    settings = mkOption {
      type = types.submodule { freeformType = json.type; };
      default = { };
      example = {
        graceSeconds = 60;
        limits.maxEntries = 5000;
      };
      description = ''
        The configuration of the boot service, as described by `nixops4-boot-server config-schema`. It is checked when the
        system is built.
      '';
    };
  };

  config = lib.mkIf cfg.enable {
    services.nixops4-landscaper.bootServer.settings = {
      tftp.address = cfg.address;
      http = {
        inherit (cfg) address;
        port = lib.mkDefault 8080;
      };
      nbps = lib.listToAttrs (
        map (
          name:
          let
            firmware = firmwares.${name};
          in
          lib.nameValuePair firmware.nbp "${ipxe firmware}/${baseNameOf firmware.target}"
        ) bootServer.firmwares
      );
    };

    environment.systemPackages = [ bootServer.package ];

    # systemd opens the ports, so that the service needs no privileges, and can start before the address is assigned.
    systemd.sockets = {
      nixops4-boot-server-tftp = {
        description = "The TFTP port of the boot service";
        wantedBy = [ "sockets.target" ];
        listenDatagrams = [ "${cfg.address}:69" ];
        socketConfig = {
          FileDescriptorName = "tftp";
          FreeBind = true;
          Service = "nixops4-boot-server.service";
        };
      };
      nixops4-boot-server-http = {
        description = "The HTTP port of the boot service";
        wantedBy = [ "sockets.target" ];
        listenStreams = [ "${cfg.address}:${toString bootServer.settings.http.port}" ];
        socketConfig = {
          FileDescriptorName = "http";
          FreeBind = true;
          Service = "nixops4-boot-server.service";
        };
      };
    };

    systemd.services.nixops4-boot-server = rec {
      description = "Network boot for machines that install themselves";
      wantedBy = [ "multi-user.target" ];
      wants = [ "network-online.target" ];
      requires = [
        "nixops4-boot-server-tftp.socket"
        "nixops4-boot-server-http.socket"
      ];
      # Starts after the clock is set, when a unit sets it at boot.
      after =
        requires
        ++ wants
        ++ [
          "time-set.target"
          "time-sync.target"
        ];
      serviceConfig = {
        Type = "notify";
        NotifyAccess = "all";
        ExecStart = "${lib.getExe bootServer.package} serve --config ${configFile}";
        Sockets = requires;
        Restart = "on-failure";
        RestartSec = 1;
        # Longer than graceSeconds.
        TimeoutStopSec = bootServer.settings.graceSeconds or 30 + 30;
        KillMode = "mixed";

        DynamicUser = true;
        StateDirectory = "nixops4-boot-server";
        StateDirectoryMode = "0700";
        RuntimeDirectory = "nixops4-boot-server";
        UMask = "0077";

        # MemoryDenyWriteExecute is not set, since Node generates code at run time.
        CapabilityBoundingSet = "";
        LockPersonality = true;
        NoNewPrivileges = true;
        PrivateDevices = true;
        PrivateTmp = true;
        ProtectClock = true;
        ProtectControlGroups = true;
        ProtectHome = true;
        ProtectHostname = true;
        ProtectKernelLogs = true;
        ProtectKernelModules = true;
        ProtectKernelTunables = true;
        ProtectProc = "invisible";
        ProtectSystem = "strict";
        RemoveIPC = true;
        RestrictAddressFamilies = [
          "AF_INET"
          "AF_INET6"
          "AF_NETLINK"
          "AF_UNIX"
        ];
        RestrictNamespaces = true;
        RestrictRealtime = true;
        RestrictSUIDSGID = true;
        SystemCallArchitectures = "native";
        SystemCallErrorNumber = "EPERM";
        SystemCallFilter = [
          "@system-service"
          "~@privileged"
          "~@resources"
        ];
      };
    };

    networking.firewall.interfaces.${cfg.interface} = lib.mkIf cfg.openFirewall {
      allowedUDPPorts = [ 69 ];
      allowedTCPPorts = [ bootServer.settings.http.port ];
    };
  };
}
