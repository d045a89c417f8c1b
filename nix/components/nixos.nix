# A host's NixOS configuration, deployed by the resource type `nixos.system`. The options are those of
# nixops4-nixos, so that one can take the place of the other; what else can be set are the inputs of `nixos.system`.
{ self, ... }:
{
  config,
  lib,
  providers,
  ...
}:
let
  inherit (lib) mkOption types;
  inherit (import ../lib/types.nix { inherit lib; }) sshPublicKey;
in
{
  _class = "nixops4Component";
  imports = [
    ./common/nixos-configuration.nix
    ./common/ssh.nix
  ];
  options = {
    ssh.hostPublicKey = mkOption {
      type = sshPublicKey;
      description = "The public key that the host must present, often an output such as that of `ssh.host_key`.";
    };
    ssh.hostPublicKeys = mkOption {
      type = types.nonEmptyListOf sshPublicKey;
      default = [ config.ssh.hostPublicKey ];
      defaultText = lib.literalExpression "[ config.ssh.hostPublicKey ]";
      description = "The public keys of the host. It must present one of them.";
    };
    ssh.opts = mkOption {
      type = types.enum [ "" ];
      default = "";
      description = ''
        Exists only for compatibility with nixops4-nixos, and must be empty. Instead of `-i FILE` set `ssh.privateKey.file`,
        of `-o Port=N` `ssh.port`, of `-J HOST` `ssh.jump`.
      '';
    };
    copy.substituteOnDestination = mkOption {
      type = types.bool;
      default = true;
      description = "Whether the host downloads store paths from its own substituters if they have them.";
    };
  };
  config = {
    providers.nixos = self.modules.nixops4Provider.nixos;
    # In a deployment that was written for nixops4-nixos, the type is `providers.local.exec`.
    type = lib.mkForce providers.nixos.system;
    inputs = {
      # Nothing else would look at `ssh.opts`, and a mistake in it be found.
      connection = lib.seq config.ssh.opts {
        inherit (config.ssh)
          host
          port
          user
          hostPublicKeys
          privateKey
          jump
          ;
      };
      toplevel = "${config.nixos.configuration.config.system.build.toplevel}";
      sudo = config.sudo.enable;
      inherit (config.copy) substituteOnDestination;
    };
  };
}
