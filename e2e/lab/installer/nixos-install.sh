#!/bin/sh
# Replaces nixos-install: makes a system the default of the new root, with the user land of this ramdisk, and installs
# the boot loader for BIOS and EFI.
set -eu
[ "$1 $3 $5 $6" = "--root --system --no-root-passwd --no-channel-copy" ]
root=$2 system=$4
partition=$(findmnt --noheadings --output SOURCE "$root")
disk=/dev/$(lsblk --noheadings --output PKNAME "$partition")

echo "copying the user land"
cp --archive /bin /sbin /lib /lib64 /usr /etc /var "$root"
mkdir "$root/dev" "$root/proc" "$root/run" "$root/sys"
mkdir -m 700 "$root/root"
mkdir -m 1777 "$root/tmp"

echo "making the system the default"
nix-env --store "$root" --profile "$root/nix/var/nix/profiles/system" --set "$system"
chroot "$root" "$system/bin/switch-to-configuration" boot

echo "installing the boot loader"
cd /installer/boot
cp kernel initrd "$root/boot"
mkdir -p "$root/boot/efi/EFI/BOOT"
cp BOOTX64.EFI "$root/boot/efi/EFI/BOOT"
# Only the first 440 bytes are written, since the disk signature and partition table follow.
dd if=boot.img of="$disk" bs=440 count=1 conv=notrunc status=none
dd if=core.img of="$disk"1 status=none
