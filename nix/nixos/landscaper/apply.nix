# nixops4, and the command `nixops4-apply`, which allows one run at a time, by a person or by the service.
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
  inherit (cfg) apply nixops4;

  nixops4-apply = pkgs.writeShellApplication {
    name = "nixops4-apply";
    runtimeInputs = [
      config.nix.package
      nixops4.package
      pkgs.coreutils
      pkgs.findutils
      pkgs.gitMinimal
      pkgs.gnugrep
      pkgs.jq
      pkgs.openssh
      pkgs.util-linux
    ];
    runtimeEnv.NIXOPS4_NETWORK = cfg.network.directory;
    text = lib.readFile ./apply.sh;
  };
in
{
  options.services.nixops4-landscaper = {
    nixops4.package = mkOption {
      type = types.package;
      default = self.inputs.nixops4.packages.${pkgs.stdenv.hostPlatform.system}.default;
      defaultText = lib.literalExpression "nixops4.packages.\${system}.default";
      description = "The package of nixops4.";
    };
    apply = {
      enable = mkOption {
        type = types.bool;
        default = false;
        description = ''
          Whether to add a service `nixops4-apply` that applies the network in `network.directory`. The command of that name
          is always available. Only one run is active at a time, and `nixops4-apply --status` shows the result of the last run.
          The inputs and outputs that nixops4 prints are kept out of the journal.
        '';
      };
      startAt = mkOption {
        type = types.listOf types.nonEmptyStr;
        default = [ ];
        example = [ "hourly" ];
        description = "When to start the service automatically, as a calendar event of systemd.time(7).";
      };
      members = mkOption {
        type = types.listOf types.nonEmptyStr;
        default = [ ];
        example = [ "host1" ];
        description = ''
          The hosts that the service applies, by their paths in nixops4. When empty, it applies everything, and a host that
          fails does not stop the others.
        '';
      };
    };
  };

  config = lib.mkIf cfg.enable {
    environment.systemPackages = [
      nixops4-apply
      nixops4.package
      pkgs.gitMinimal
    ];
    nix.settings.experimental-features = [
      "flakes"
      "nix-command"
    ];
    systemd.services.nixops4-apply = lib.mkIf apply.enable {
      description = "Apply the network";
      inherit (apply) startAt;
      wants = [ "network-online.target" ];
      after = [
        "network-online.target"
        "nixops4-boot-server.service"
        "nixops4-cache-key.service"
        "nixops4-network-template.service"
      ];
      environment = {
        HOME = "/root";
        # Builds run in the Nix daemon, which this sandbox does not confine.
        NIX_REMOTE = "daemon";
      };
      serviceConfig = removeAttrs (import ./sandbox.nix) [ "MemoryDenyWriteExecute" ] // {
        Type = "oneshot";
        ExecStart = "${lib.getExe nixops4-apply} --wait ${lib.escapeShellArgs apply.members}";
        # nixops4 and its providers stop at SIGINT, and the next run continues.
        KillSignal = "SIGINT";
        TimeoutStopSec = 60;
      };
      # A switch to another configuration must not interrupt a run.
      restartIfChanged = false;
    };
  };
}
