# Creates the network's folder from the example, once, with this source of the providers.
{ self }:
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  inherit (config.services.nixops4-landscaper) network;
in
{
  options.services.nixops4-landscaper.network = {
    enable = mkOption {
      type = types.bool;
      default = false;
      description = "Whether to create `directory` from the example if it does not exist.";
    };
    directory = mkOption {
      type = types.path;
      default = "/root/fediversity-network";
      description = "The folder with the Nix expression of the network.";
    };
    template = mkOption {
      type = types.path;
      default = self.templates.default.path;
      defaultText = lib.literalExpression "nixops4-providers.templates.default.path";
      description = "The folder with the example.";
    };
  };

  config = lib.mkIf network.enable {
    systemd.services.nixops4-network-template = {
      description = "The example of a network in ${network.directory}";
      wantedBy = [ "multi-user.target" ];
      unitConfig.ConditionPathExists = "!${network.directory}";
      path = [ pkgs.gitMinimal ];
      serviceConfig = import ./sandbox.nix // {
        Type = "oneshot";
        UMask = "0077";
        # Needed if another user owns /root.
        CapabilityBoundingSet = "CAP_DAC_OVERRIDE";
        PrivateDevices = true;
        PrivateNetwork = true;
        ProtectProc = "invisible";
        RestrictAddressFamilies = "none";
        SystemCallFilter = [
          "@system-service"
          "~@privileged"
          "~@resources"
        ];
      };
      environment = {
        DIRECTORY = network.directory;
        TEMPLATE = network.template;
        PROVIDERS = self.outPath;
        GC_ROOT = "/nix/var/nix/gcroots/nixops4-providers";
      };
      script = ''
        mkdir -p "$(dirname "$DIRECTORY")"
        rm -rf "$DIRECTORY.new"
        cp --recursive --no-preserve=mode,ownership "$TEMPLATE" "$DIRECTORY.new"
        find "$DIRECTORY.new" -name '*.nix' -exec \
          sed --in-place "s|path:/path/to/nixops4-providers|path:$PROVIDERS|" {} +
        # Keeps the source to which the example refers, even when this system is later built from another one.
        ln --symbolic --force --no-dereference "$PROVIDERS" "$GC_ROOT"
        # Without a repository, Nix would copy the whole folder to its store.
        git -C "$DIRECTORY.new" init --quiet --initial-branch=main
        git -C "$DIRECTORY.new" add .
        mv --no-target-directory "$DIRECTORY.new" "$DIRECTORY"
      '';
    };
  };
}
