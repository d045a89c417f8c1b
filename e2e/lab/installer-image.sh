#!/bin/sh
# Makes the folder $1 with the kernel and the initial ramdisk of an installer. $2 is the initial ramdisk in the folder
# that debian-root.sh makes; the other arguments are the scripts in ./installer and nix/installer. Runs as root in a
# separate mount namespace, under a lock; see made-once.ts.
set -eu
PATH=$PATH:/usr/sbin:/sbin
final=$1 debian=$(dirname "$2") init=$3 lease=$4 nixos_install=$5
shift 5
if [ -e "$final" ]; then exit 0; fi # Another process made it while we waited for the lock.
rm -rf "$(dirname "$final")"/installer-* # Results of older recipes, and remains of killed runs.

echo "making the installer, once: a few seconds" >&2
work=$final.partial
root=$work/root
mkdir -p "$work/result" "$work/packages" "$work/debian" "$root"
finish() {
  status=$?
  if [ "$status" -ne 0 ]; then
    echo "making the installer failed:" >&3
    tail -n 30 "$work/log" >&3
  fi
  rm -rf --one-file-system "$work"
}
exec 3>&2 >"$work/log" 2>&1
trap finish EXIT

mount -o loop,ro "$debian/image" "$work/debian"
cp --archive "$work/debian/." "$root"
umount "$work/debian"
cd "$work/packages"
download() {
  apt-get download jq libjq1 libonig5 fdisk libfdisk1 dosfstools e2fsprogs libext2fs2 libss2 libcom-err2 \
    grub-pc-bin grub-efi-amd64-bin grub-common libdevmapper1.02.1 zstd
}
download || { apt-get update && download; }
for package in *.deb; do
  dpkg-deb --fsys-tarfile "$package" | tar --extract --keep-directory-symlink --directory="$root"
done

# The boot loader consists of boot.img and core.img only. It is installed by writing both to the disk. The sectors are
# fixed, since disko.nix always makes the same partitions, so grub-bios-setup is not needed.
boot=$root/installer/boot
mkdir -p "$boot"
cat >"$root/grub.cfg" <<'END'
search.fs_label root root
linux /boot/kernel console=ttyS0 panic=5 net.ifnames=0 mitigations=off quiet
initrd /boot/initrd
boot
END
make_grub() {
  chroot "$root" grub-mkimage --config=/grub.cfg --prefix=/boot/grub part_gpt ext2 search_label linux boot "$@"
}
make_grub --format=x86_64-efi --output=/installer/boot/BOOTX64.EFI
make_grub --format=i386-pc --output=/installer/boot/core.img biosdisk
cp "$root/usr/lib/grub/i386-pc/boot.img" "$boot"
put() { printf '%b' "$1" | dd of="$boot/$2" bs=1 seek="$3" conv=notrunc status=none; }
put '\0000\0010' boot.img 92 # core.img starts at sector 2048,
put '\0001\0010' core.img 500 # and continues at 2049.

# The initial ramdisk of the installed system: that of debian-root.sh, but with the root on a partition.
mkdir "$root/initrd"
chroot "$root" cpio --quiet --extract --directory=/initrd init <"$debian/initrd"
sed -i 's,/dev/vda,/dev/vda3,' "$root/initrd/init"
{
  cat "$debian/initrd"
  echo init | chroot "$root" cpio --quiet --create --format=newc --directory=/initrd
} >"$boot/initrd"
cp "$debian/kernel" "$boot"

# Every machine loads the whole image, so files that are not needed are left out.
cd "$root"
version=$(ls lib/modules)
chroot . modprobe --set-version "$version" --all --show-depends \
  virtio_pci virtio_blk virtio_net virtio_rng vfat nls_cp437 nls_ascii autofs4 |
  sed -n 's/^insmod \/\([^ ]*\).*/\1/p' >"$work/modules"
find lib/modules/ -name '*.ko' | grep --invert-match --line-regexp --fixed-strings --file="$work/modules" | xargs rm
chroot . depmod "$version"
# mkfs.fat needs the conversion for code page 850.
find usr/lib/x86_64-linux-gnu/gconv -name '*.so' ! -name IBM850.so -delete
rm -rf boot/* initrd* vmlinuz* grub.cfg lost+found nix etc/default/grub* etc/grub.d \
  etc/systemd/system/lab-*.service etc/systemd/system/*/lab-*.service var/cache/* var/lib/apt var/lib/dpkg \
  usr/bin/grub-* usr/bin/perl* usr/lib/apt usr/lib/dpkg usr/lib/grub usr/lib/klibc usr/lib/udev usr/sbin/grub-* \
  usr/lib/x86_64-linux-gnu/libperl* usr/lib/x86_64-linux-gnu/perl* usr/share/bash-completion usr/share/bug \
  usr/share/doc usr/share/gcc usr/share/grub usr/share/info usr/share/initramfs-tools usr/share/lintian \
  usr/share/locale usr/share/man usr/share/perl* usr/share/zsh
mkdir nix
install "$init" init
install "$lease" installer/lease
install "$nixos_install" installer/nixos-install
install "$@" installer
# Compressed, since a machine unpacks it faster than it loads the uncompressed size.
chroot . sh -c 'find . -xdev | cpio --quiet --create --format=newc | zstd -10 -T0 --quiet' >"$work/result/initrd"

cp "$debian/kernel" "$work/result"
mv "$work/result" "$final"
