#!/bin/sh
# Makes the folder $1 with a bootable Debian: image (an ext4 file system), kernel and initrd. Runs as root in separate
# mount and PID namespaces, under a lock; see debian-root.ts.
set -eu
PATH=$PATH:/usr/sbin:/sbin
final=$1
if [ -e "$final" ]; then exit 0; fi # Another process made it while we waited for the lock.
cache=$(dirname "$final")
rm -rf "$cache"/debian-* # Results of older recipes, and remains of killed runs.

echo "making the Debian root file system, once: about a minute" >&2
work=$final.partial
root=$work/root
mkdir -p "$work/result" "$work/tmp"
chmod 1777 "$work/tmp"
finish() {
  status=$?
  if [ "$status" -ne 0 ]; then
    echo "making the Debian root file system failed:" >&3
    tail -n 30 "$work/log" >&3
  fi
  rm -rf "$work"
}
exec 3>&2 >"$work/log" 2>&1
trap finish EXIT

# The sources and settings of the host's own apt.
apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) main' 'Created-By: Packages' 'Component: main' |
  grep -E ' bookworm(-updates|-security)? main$' >"$work/sources.list" ||
  { echo "apt has no source for Debian bookworm here"; exit 1; }
apt-config dump Acquire | grep -E '^Acquire::(https?|Check-|Allow|Retries|ForceIPv)' >"$work/apt.conf"
echo 'Dir::Etc { netrc "/etc/apt/auth.conf"; netrcparts "/etc/apt/auth.conf.d"; };' >>"$work/apt.conf"

# INITRD=No stops the kernel package from making an initrd. The one made below boots three seconds faster.
TMPDIR=$work/tmp INITRD=No mmdebstrap --mode=root --variant=essential --aptopt="$work/apt.conf" \
  --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/boot/System.map*' \
  --include=systemd-sysv,dbus,openssh-server,nix-bin,nix-setup-systemd \
  --include=linux-image-cloud-amd64,initramfs-tools,busybox-static,kmod,cpio,curl,iproute2,procps,sudo \
  bookworm "$root" "$work/sources.list"
echo "the packages are there: making the image" >&3

rm -rf "$root"/etc/apt/* "$root"/etc/ssh/ssh_host_* "$root"/etc/fstab
echo debian >"$root/etc/hostname"
echo "127.0.0.1 localhost debian" >"$root/etc/hosts"
echo 6e69786f7073346c6162000000000000 >"$root/etc/machine-id"
cat >"$root/etc/nix/nix.conf" <<'END'
experimental-features = nix-command
sandbox = false
substituters =
trusted-users = root @sudo
END

cat >"$root/etc/systemd/system/lab-network.service" <<'END'
[Unit]
Description=The address that QEMU forwards ports to
DefaultDependencies=no
Wants=network.target
Before=network.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=ip link set eth0 up
ExecStart=ip address add 10.0.2.15/24 dev eth0
ExecStart=ip route add default via 10.0.2.2

[Install]
WantedBy=multi-user.target
END
cat >"$root/etc/systemd/system/lab-seed.service" <<'END'
[Unit]
Description=Host keys and users from the second disk, at the first boot
DefaultDependencies=no
After=local-fs.target
Before=sysinit.target
ConditionPathExists=!/var/lib/lab-seeded

[Service]
Type=oneshot
ExecStart=tar --extract --file=/dev/vdb --directory=/run
ExecStart=sh -eu /run/seed/install.sh
ExecStart=touch /var/lib/lab-seeded
ExecStart=sync

[Install]
WantedBy=multi-user.target
END
chroot "$root" systemctl --quiet enable lab-network.service lab-seed.service
chroot "$root" systemctl --quiet set-default multi-user.target

# Masked units are not needed by a machine with one known disk and network card. This halves the time to the login.
# pam_systemd would slow down each login. D-Bus starts on its first use.
rm "$root/lib/systemd/system/multi-user.target.wants/dbus.service"
for unit in \
  dev-hugepages.mount dev-mqueue.mount dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
  getty.target kmod-static-nodes.service modprobe@.service proc-sys-fs-binfmt_misc.automount \
  sys-fs-fuse-connections.mount sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
  systemd-ask-password-console.path systemd-ask-password-wall.path systemd-binfmt.service \
  systemd-firstboot.service systemd-logind.service systemd-machine-id-commit.service systemd-modules-load.service \
  systemd-pstore.service systemd-random-seed.service systemd-remount-fs.service systemd-repart.service \
  systemd-sysusers.service systemd-tmpfiles-clean.timer systemd-udev-settle.service systemd-udev-trigger.service \
  systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-udevd.service \
  systemd-update-utmp-runlevel.service systemd-update-utmp.service; do
  ln -sfn /dev/null "$root/etc/systemd/system/$unit"
done
mkdir -p "$root/etc/systemd/system-generators"
for generator in "$root"/lib/systemd/system-generators/*; do
  ln -s /dev/null "$root/etc/systemd/system-generators/${generator##*/}"
done

# The initrd boots like NixOS: it runs the `init` of the system that /boot/default-system points to, or Debian's.
initrd=$root/initrd
mkdir -p "$initrd/bin" "$initrd/root"
cp "$root/bin/busybox" "$initrd/bin/"
{
  echo '#!/bin/busybox sh'
  chroot "$root" modprobe --set-version "$(ls "$root/lib/modules")" --all --show-depends \
    virtio_pci virtio_blk virtio_net virtio_rng | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' |
    while read -r module; do
      cp "$root$module" "$initrd/"
      echo "busybox insmod /${module##*/}"
    done
  cat <<'END'
busybox mount -t devtmpfs dev /dev
busybox mount -t ext4 /dev/vda /root
busybox mount -t tmpfs -o mode=755 run /root/run
busybox mount -o move /dev /root/dev
system=$(busybox readlink /root/boot/default-system)
exec busybox switch_root /root "${system:-/sbin}/init"
END
} >"$initrd/init"
chmod 755 "$initrd/init"
chroot "$root" sh -c 'cd /initrd && find . | cpio --quiet -o -H newc' >"$work/result/initrd"

cp -L "$root"/boot/vmlinuz-* "$work/result/kernel"
rm -rf "${root:?}"/boot/* "$initrd"
mkfs.ext4 -q -d "$root" "$work/result/image" 2G
mv "$work/result" "$final"
