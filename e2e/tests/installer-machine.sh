#!/bin/sh
# Process 1 of a machine for tests of the installer, in namespaces with separate disks, boot ID and Nix store.
# Arguments: a file with the boot ID, then for each disk an image, its serial number and its name in /dev/disk/by-id.
set -eu
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=755 tmpfs /nix
mkdir -p /dev/disk
mount -t tmpfs tmpfs /dev/disk
mkdir -p /dev/disk/by-id /run/udev/data
mount --bind "$1" /proc/sys/kernel/random/boot_id
shift
fd=4
while [ $# -gt 0 ]; do
  loop=$(losetup --find --show --partscan "$1")
  # This process keeps the detached loop device open, so the kernel removes the device together with the machine.
  eval "exec $fd<$loop"
  losetup --detach "$loop"
  fd=$((fd + 1))
  # Some kernels do not support all kinds of partition tables.
  partx --update "$loop" 2>/dev/null || true
  echo "E:ID_SERIAL_SHORT=$2" >"/run/udev/data/b7:${loop#/dev/loop}"
  ln -s "$loop" "/dev/disk/by-id/$3"
  shift 3
done
echo ready
while :; do
  sleep 1000 &
  wait || true
done
