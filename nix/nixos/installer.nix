# The netboot image of the installer. It is the same for all machines. The job, which the boot service adds to the
# ramdisk, names the system, the disks and the binary caches (docs/protocols/install-job.md).
_:
{
  config,
  lib,
  modulesPath,
  pkgs,
  ...
}:
let
  inherit (lib) mkForce mkOption types;
  job = "/run/nixops4";
in
{
  imports = [ (modulesPath + "/installer/netboot/netboot-minimal.nix") ];

  options.nixops4.installer.authorizedKeys = mkOption {
    type = types.listOf types.nonEmptyStr;
    default = [ ];
    description = "The public SSH keys that may log in as root during an install, for debugging.";
  };

  config = {
    # The files of the job are in the root of the ramdisk, which is deleted when the system starts; /run is not.
    boot.initrd.systemd = {
      enable = true;
      services.nixops4-job = {
        description = "Keep the job of this network boot";
        wantedBy = [ "initrd.target" ];
        before = [ "initrd.target" ];
        unitConfig = {
          DefaultDependencies = false;
          ConditionPathExists = "/nixops4";
        };
        serviceConfig.Type = "oneshot";
        script = ''
          mkdir -m 0700 ${job}
          cp -a /nixops4/. ${job}
        '';
      };
    };

    hardware.enableAllHardware = true;
    # The image of nixpkgs has no firmware files, which some network cards need.
    hardware.enableRedistributableFirmware = mkForce true;
    boot.initrd.availableKernelModules = import ../lib/storage-controllers.nix;

    systemd.services.nixops4-installer = {
      description = "Install this machine";
      wantedBy = [ "multi-user.target" ];
      wants = [ "network-online.target" ];
      after = [ "network-online.target" ];
      unitConfig.ConditionPathExists = "${job}/token";
      path = [
        config.nix.package
        config.system.build.nixos-install
        pkgs.curl
        pkgs.diffutils
        pkgs.gzip
        pkgs.jq
        pkgs.nixos-facter
        pkgs.util-linux
      ]
      ++ lib.optional config.boot.zfs.enabled config.boot.zfs.package;
      environment.NIXOPS4_JOB = job;
      serviceConfig = {
        Type = "exec";
        ExecStart = "${pkgs.runtimeShell} ${../installer}/install.sh";
        # An installer that was killed may continue in the same boot, after its claim. One that exits normally has
        # reported the reason.
        Restart = "on-abnormal";
        StandardOutput = "journal+console";
        StandardError = "inherit";
      };
    };

    services.openssh = {
      enable = true;
      # The temporary key of the job. Without a job, sshd makes a key.
      hostKeys = [
        {
          type = "ed25519";
          path = "${job}/ssh_host_ed25519_key";
        }
      ];
      settings.PermitRootLogin = mkForce "prohibit-password";
    };
    users.users.root.openssh.authorizedKeys.keys = config.nixops4.installer.authorizedKeys;

    # Leaves out everything that an unattended installation does not need, since every machine downloads the image.
    documentation.enable = mkForce false;
    documentation.nixos.enable = mkForce false;
    networking.networkmanager.enable = mkForce false;
    networking.wireless.enable = mkForce false;
    system.extraDependencies = mkForce [ ];
    system.installer.channel.enable = false;
    system.stateVersion = config.system.nixos.release;
  };
}
