# A host's NixOS configuration, deployed by the resource type `nixos.system`. Its options are those of nixops4-nixos, so
# that it can replace that component. The inputs of `nixos.system` can be set, too.
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
    # A deployment that was written for nixops4-nixos sets `providers.local.exec` as the type.
    type = lib.mkForce providers.nixos.system;
    inputs = {
      # Evaluates `ssh.opts`, which is not used otherwise, so that an invalid value is found.
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
