#!/bin/sh
# Process 1 of a machine that the installer is tested on: namespaces with disks, a boot id and a Nix store of their own.
# Arguments: a file with the boot id, then for each disk an image, its serial number and its name in /dev/disk/by-id.
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
  # Held open by this process, and detached: the loop device ends with the machine.
  eval "exec $fd<$loop"
  losetup --detach "$loop"
  fd=$((fd + 1))
  # Not every kernel knows all kinds of partition tables.
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
