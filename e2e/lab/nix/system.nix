# The least that can be installed, booted and activated as a NixOS system: its user land is Debian's, and all that
# is special about a machine is in here.
{
  hostName,
  # With the length of the prefix, as in "10.99.0.11/24".
  address,
  gateway ? null,
  authorizedKeys,
  # The contents of /etc/text.
  text ? "",
}:
let
  build = import ./build.nix;

  # A store path of its own, as in NixOS, which asks for a reboot where one of them changed.
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

  # Process 1, when the initial ramdisk has mounted the root, /dev and /run.
  init = file "init" ''
    #!/bin/sh
    system=$(/usr/bin/dirname "$(/usr/bin/readlink -f "$0")")
    "$system/activate"
    ln -s "$system" /run/booted-system
    exec /sbin/init
  '';

  # What the boot loader of the lab's machines starts is the system that /boot/default-system points to.
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
