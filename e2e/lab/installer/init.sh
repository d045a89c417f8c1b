#!/bin/sh
# Process 1 of a machine that installs itself. Does the work of systemd in the NixOS installer.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t devtmpfs dev /dev
exec </dev/console >/dev/console 2>&1
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs -o mode=755 run /run
ln -s /proc/self/fd /dev/fd
ln -s fd/0 /dev/stdin
ln -s fd/1 /dev/stdout
ln -s fd/2 /dev/stderr
modprobe --all virtio_pci virtio_blk virtio_net virtio_rng
mkdir -p /dev/disk/by-id
for disk in /sys/block/vd*; do
  ln -s "/dev/${disk##*/}" "/dev/disk/by-id/virtio-$(cat "$disk/serial")"
done
ip link set eth0 up
until busybox udhcpc -i eth0 -n -q -s /installer/lease >/dev/null; do :; done

export NIXOPS4_NIXOS_INSTALL=/installer/nixos-install NIXOPS4_REBOOT="busybox reboot -f"
# Like its systemd unit, the installer restarts when it was killed. After a failure, the machine stays on.
until bash /installer/install.sh || [ $? -eq 1 ]; do :; done
sleep infinity
