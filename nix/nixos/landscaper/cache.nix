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
      description = "Whether to serve this server's Nix store as a signed binary cache. Everyone on the network can read all of it.";
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
      description = "The URL of the cache for the installers.";
    };
    keyName = mkOption {
      type = types.strMatching "[A-Za-z0-9._-]+";
      default = "${config.networking.hostName}-1";
      defaultText = lib.literalExpression ''"''${config.networking.hostName}-1"'';
      description = "The name of the signing key, which is created at the first start of the cache.";
    };
    publicKeyFile = mkOption {
      type = types.path;
      readOnly = true;
      default = "${folder}/public-key";
      description = "The file with the public key, such as `landscaper-1:AAAA…`.";
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
      # The socket may only start the cache when the first installer connects, but an apply needs the key earlier.
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
      # The public key is written last. Without it, the secret key is unused and may be replaced.
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

    # Older versions of NixOS have the options of the cache in `services.harmonia`.
    services.harmonia = if options.services.harmonia ? cache then { cache = harmonia; } else harmonia;

    networking.firewall.interfaces.${cfg.interface} = lib.mkIf cfg.openFirewall {
      allowedTCPPorts = [ cache.port ];
    };
  };
}
