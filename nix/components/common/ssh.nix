# The options of a component that logs in to a host.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  inherit
    (import ../../lib/schema-types.nix {
      inherit lib;
      manifest = lib.importJSON ../../providers/ssh.json;
    })
    named
    ;
in
{
  options = {
    ssh.host = mkOption {
      type = types.nonEmptyStr;
      description = "The name or IP address by which the deploying machine reaches the host.";
    };
    ssh.port = mkOption {
      type = types.port;
      default = 22;
      description = "The TCP port that sshd listens on.";
    };
    ssh.user = mkOption {
      type = types.nonEmptyStr;
      default = "root";
      description = "The user to log in as.";
    };
    ssh.privateKey = mkOption {
      type = types.nullOr named.SecretRef;
      default = null;
      description = ''
        The private key to log in with: exactly one of `file`, `env`, `command` and `value`, as
        `{ file = "/root/.ssh/id_ed25519"; }`. The file is a string, so that it is read on the deploying machine and
        not copied to the Nix store. When not set, the SSH agent is asked.
      '';
    };
    ssh.jump = mkOption {
      type = types.listOf named.Hop;
      default = [ ];
      description = "The jump hosts to connect through, in order.";
    };
    sudo.enable = mkOption {
      type = types.bool;
      default = config.ssh.user != "root";
      defaultText = lib.literalExpression ''config.ssh.user != "root"'';
      description = "Whether to become root on the host with `sudo -n`, which must not ask for a password.";
    };
  };
}
