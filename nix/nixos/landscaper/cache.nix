# The Nix store of this server as a binary cache, from which the installers copy the systems.
{
  config,
  lib,
  options,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.services.nixops4-landscaper;
  inherit (cfg) cache;
  folder = "/var/lib/nixops4-cache";
  harmonia = {
    enable = true;
    signKeyPaths = [ "${folder}/secret-key" ];
    settings.bind = "[::]:${toString cache.port}";
  };
in
{
  options.services.nixops4-landscaper.cache = {
    enable = mkOption {
      type = types.bool;
      default = true;
      description = "Whether to serve this server's Nix store, signed, to the network. Anybody on it can read all of it.";
    };
    port = mkOption {
      type = types.port;
      default = 5000;
      description = "The TCP port of the cache.";
    };
    url = mkOption {
      type = types.str;
      readOnly = true;
      default = "http://${cfg.address}:${toString cache.port}";
      defaultText = lib.literalMD "`http://<address>:<port>`";
      description = "Where the installers find the cache.";
    };
    keyName = mkOption {
      type = types.strMatching "[A-Za-z0-9._-]+";
      default = "${config.networking.hostName}-1";
      defaultText = lib.literalExpression ''"''${config.networking.hostName}-1"'';
      description = "The name of the key that is made when the cache is started for the first time.";
    };
    publicKeyFile = mkOption {
      type = types.path;
      readOnly = true;
      default = "${folder}/public-key";
      description = "The file that has the public key, such as `landscaper-1:AAAA…`.";
    };
  };

  config = lib.mkIf (cfg.enable && cache.enable) {
    assertions = [
      {
        assertion = cache.port != cfg.bootServer.settings.http.port;
        message = ''
          services.nixops4-landscaper.cache.port and services.nixops4-landscaper.bootServer.settings.http.port are both ${toString cache.port}.
        '';
      }
    ];

    systemd.services.nixops4-cache-key = {
      description = "The key that the binary cache signs with";
      # The cache itself may be started by its socket only, when the first installer asks; an apply wants the key before.
      wantedBy = [ "multi-user.target" ];
      requiredBy = [ "harmonia.service" ];
      before = [
        "harmonia.service"
        "nixops4-apply.service"
      ];
      path = [ config.nix.package ];
      environment.HOME = folder;
      serviceConfig = import ./sandbox.nix // {
        Type = "oneshot";
        RemainAfterExit = true;
        StateDirectory = baseNameOf folder;
        StateDirectoryMode = "0755";
        WorkingDirectory = folder;
        UMask = "0077";
        CapabilityBoundingSet = "";
        PrivateDevices = true;
        PrivateNetwork = true;
        ProtectHome = true;
        ProtectProc = "invisible";
        ProtectSystem = "strict";
        RestrictAddressFamilies = "none";
        SystemCallFilter = [
          "@system-service"
          "~@privileged"
          "~@resources"
        ];
      };
      # The public key comes last: until it is there, nobody knows the other.
      script = ''
        if [ ! -e public-key ]; then
          nix() { command nix --extra-experimental-features nix-command "$@"; }
          nix key generate-secret --key-name ${lib.escapeShellArg cache.keyName} > secret-key.new
          nix key convert-secret-to-public < secret-key.new > public-key.new
          chmod 0644 public-key.new
          sync secret-key.new public-key.new
          mv secret-key.new secret-key
          mv public-key.new public-key
        fi
      '';
    };

    # An older NixOS has the options of the cache in `services.harmonia` itself.
    services.harmonia = if options.services.harmonia ? cache then { cache = harmonia; } else harmonia;

    networking.firewall.interfaces.${cfg.interface} = lib.mkIf cfg.openFirewall {
      allowedTCPPorts = [ cache.port ];
    };
  };
}
