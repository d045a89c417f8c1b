# A minimal system that can be installed, booted and activated like NixOS. Its user land is Debian's. Everything that is
# specific to a machine is in this file.
{
  hostName,
  # The address with prefix length, such as "10.99.0.11/24".
  address,
  gateway ? null,
  authorizedKeys,
  # The contents of /etc/text.
  text ? "",
}:
let
  build = import ./build.nix;

  # A separate store path, as in NixOS, which asks for a reboot when one of them changes.
  part = name: build name "echo ${name} >$out";

  file = name: contents: builtins.toFile name contents;

  activate = file "activate" ''
    #!/bin/sh
    set -eu
    PATH=/usr/sbin:/usr/bin:/sbin:/bin
    system=$(dirname "$(readlink -f "$0")")
    echo ${hostName} >/etc/hostname
    hostname ${hostName}
    ip link set eth0 up
    ip address replace ${address} dev eth0
    ${if gateway == null then "" else "ip route replace default via ${gateway}"}
    mkdir -p -m 700 /root/.ssh
    cp "$system/etc/authorized_keys" /root/.ssh/authorized_keys.new
    mv /root/.ssh/authorized_keys.new /root/.ssh/authorized_keys
    ln -sfn "$system/etc/text" /etc/text
    ln -sfn "$system" /run/current-system
  '';

  # Process 1, which starts after the initial ramdisk has mounted the root, /dev and /run.
  init = file "init" ''
    #!/bin/sh
    system=$(/usr/bin/dirname "$(/usr/bin/readlink -f "$0")")
    "$system/activate"
    ln -s "$system" /run/booted-system
    exec /sbin/init
  '';

  # The boot loader of the lab's machines starts the system that /boot/default-system points to.
  switch = file "switch-to-configuration" ''
    #!/bin/sh
    set -eu
    system=$(dirname "$(dirname "$(readlink -f "$0")")")
    case $1 in switch | boot) ln -sfn "$system" /boot/default-system ;; esac
    sync -f /nix/store # As NixOS does.
    case $1 in switch | test) "$system/activate" ;; esac
    echo "$1: $system"
  '';
in
build "nixos-system-${hostName}" ''
  mkdir -p $out/bin $out/etc
  ln -s ${part "linux"} $out/kernel
  ln -s ${part "initrd"} $out/initrd
  ln -s ${part "systemd"} $out/systemd
  echo lab >$out/nixos-version
  echo quiet >$out/kernel-params
  cp ${file "text" text} $out/etc/text
  cp ${
    file "authorized_keys" (builtins.concatStringsSep "\n" authorizedKeys + "\n")
  } $out/etc/authorized_keys
  cp ${activate} $out/activate
  cp ${init} $out/init
  cp ${switch} $out/bin/switch-to-configuration
  chmod 755 $out/activate $out/init $out/bin/switch-to-configuration
''
