# What a machine boots from the network to install itself. It is the same for all machines: which system goes on which
# disk, and from where, stands in the job that the boot service adds to the ramdisk (docs/protocols/install-job.md).
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
    description = "Public SSH keys that may log in as root while a machine installs itself, to see what keeps it.";
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
    # Which the image of nixpkgs goes without, and some cards do not work without.
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
        # The same boot may go on with what it has claimed. What ends by itself has reported why.
        Restart = "on-abnormal";
        StandardOutput = "journal+console";
        StandardError = "inherit";
      };
    };

    services.openssh = {
      enable = true;
      # The temporary key of the job; without a job, sshd makes one.
      hostKeys = [
        {
          type = "ed25519";
          path = "${job}/ssh_host_ed25519_key";
        }
      ];
      settings.PermitRootLogin = mkForce "prohibit-password";
    };
    users.users.root.openssh.authorizedKeys.keys = config.nixops4.installer.authorizedKeys;

    # What an unattended install does not need, and every machine would have to load.
    documentation.enable = mkForce false;
    documentation.nixos.enable = mkForce false;
    networking.networkmanager.enable = mkForce false;
    networking.wireless.enable = mkForce false;
    system.extraDependencies = mkForce [ ];
    system.installer.channel.enable = false;
    system.stateVersion = config.system.nixos.release;
  };
}
