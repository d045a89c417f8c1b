# From power-on to an installed system: a machine with an empty disk boots from the network and installs itself.
# Afterwards it boots from its disk, though the network is first in its boot order.
{ pkgs, self }:
let
  inherit (pkgs) lib;
  mac = "52:54:00:12:34:56";
  address = "10.0.0.50";

  installer =
    (pkgs.nixos {
      imports = [ self.nixosModules.installer ];
      boot.kernelParams = [ "console=ttyS0" ];
    }).config;

  target =
    (pkgs.nixos {
      boot = {
        initrd.availableKernelModules = [ "virtio_blk" ];
        kernelParams = [ "console=ttyS0" ];
        loader.grub.device = "/dev/vda";
      };
      documentation.enable = false;
      fileSystems."/" = {
        device = "/dev/disk/by-label/root";
        fsType = "ext4";
      };
      networking = {
        hostName = "web";
        useDHCP = false;
        useNetworkd = true;
      };
      services.openssh = {
        enable = true;
        hostKeys = [
          {
            type = "ed25519";
            path = "/etc/ssh/ssh_host_ed25519_key";
          }
        ];
      };
      system.stateVersion = lib.trivial.release;
      systemd.network.networks."40-lan" = {
        matchConfig.PermanentMACAddress = mac;
        address = [ "${address}/24" ];
      };
    }).config;

  diskoScript = pkgs.writeShellScript "partition" ''
    PATH=${
      lib.makeBinPath [
        pkgs.coreutils
        pkgs.e2fsprogs
        pkgs.parted
        pkgs.util-linux
      ]
    }
    set -eu
    parted --script "$NIXOPS4_DISK" mklabel msdos mkpart primary ext4 1MiB 100%
    udevadm settle || sleep 2
    mkfs.ext4 -L root "$(lsblk --noheadings --list --paths --output NAME "$NIXOPS4_DISK" | tail -n 1)"
    mkdir -p /mnt
    mount /dev/disk/by-label/root /mnt
  '';

  kernel = "${installer.system.build.kernel}/${installer.system.boot.loader.kernelFile}";
  initrd = "${installer.system.build.netbootRamdisk}/initrd";
in
pkgs.testers.runNixOSTest {
  name = "bare-metal";

  nodes.landscaper = {
    imports = [ (import ./common/landscaper.nix { inherit self; }) ];
    environment.systemPackages = [ self.packages.${pkgs.stdenv.hostPlatform.system}.pxe-nbp ];
    virtualisation = {
      additionalPaths = [
        diskoScript
        installer.system.build.kernel
        installer.system.build.netbootRamdisk
        target.system.build.toplevel
      ];
      memorySize = 2048;
    };
  };

  skipTypeCheck = true;
  testScript = ''
    import json
    import os
    import shlex

    def create(type, inputs):
        request = {"createResourceRequest": {"type": type, "inputProperties": inputs, "isStateful": False}}
        landscaper.succeed(f"echo {shlex.quote(json.dumps(request))} > request")
        response = json.loads(landscaper.succeed("nixops4-resources-pxe-nbp < request", timeout=3600))
        return response["createResourceResponse"]["outputProperties"]

    landscaper.start()
    landscaper.wait_for_unit("nixops4-boot-server.service")
    landscaper.wait_for_unit("dnsmasq.service")
    landscaper.wait_for_unit("nixops4-cache-key.service")
    landscaper.succeed("ssh-keygen -q -t ed25519 -N ''' -f /root/host-key")

    def boot_entry(**changes):
        job = {
            "version": 1,
            "hostName": "web",
            "system": "${target.system.build.toplevel}",
            "diskoScript": "${diskoScript}",
            "substituters": [
                {
                    "url": "http://10.0.0.1:5000",
                    "publicKey": landscaper.succeed("cat /var/lib/nixops4-cache/public-key").strip(),
                }
            ],
            "disk": {"byId": None, "serial": None, "minBytes": 1000000000, "maxBytes": None, "allowWipe": False},
            "rootMount": "/mnt",
        }
        return create("boot_entry", {
            "name": "web",
            "macs": ["${mac}"],
            "kernel": "${kernel}",
            "initrd": "${initrd}",
            "cmdline": "init=${installer.system.build.toplevel}/init ${toString installer.boot.kernelParams}",
            "files": {
                "/nixops4/install.json": {"mode": "0600", "contents": json.dumps(job)},
                "/nixops4/ssh_host_ed25519_key": {"secret": {"file": "/root/host-key"}},
                "/nixops4/ssh_host_ed25519_key.pub": {"contents": landscaper.succeed("cat /root/host-key.pub")},
            },
        } | changes)

    entry = boot_entry()

    with subtest("the machine installs itself"):
        machine = create_machine(
            "${pkgs.qemu_test}/bin/qemu-kvm -m 4096 -smp 2 -boot order=nc"
            " -netdev vde,id=lan,sock=$QEMU_VDE_SOCKET_1 -device virtio-net-pci,netdev=lan,mac=${mac}"
            " -drive file=disk.qcow2,if=virtio",
            name="machine",
        )
        machine.state_dir.mkdir(parents=True, exist_ok=True)
        os.system(f"${pkgs.qemu_test}/bin/qemu-img create -f qcow2 {machine.state_dir}/disk.qcow2 8G")
        machine.start(allow_reboot=True)
        create("installed", {"entryId": entry["entryId"], "timeoutSeconds": 3000})

    host_key = landscaper.succeed("cut -d ' ' -f 2 /root/host-key.pub").strip()
    is_up = f"ssh-keyscan -T 2 -t ed25519 ${address} | grep -F {host_key}"

    with subtest("it restarts from its disk, with the host key that it was given"):
        landscaper.wait_until_succeeds(is_up, timeout=600)

    with subtest("nothing but a higher generation installs it again"):
        boot_entry(cmdline="another=command-line")
        machine.send_monitor_command("system_reset")
        landscaper.wait_until_fails(is_up, timeout=60)
        landscaper.wait_until_succeeds(is_up, timeout=600)
  '';
}
