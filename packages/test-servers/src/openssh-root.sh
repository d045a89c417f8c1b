#!/bin/sh
# Makes $1/root, a root file system of Debian 13 with its OpenSSH (10). Runs as root in separate mount and PID
# namespaces, under a lock; see openssh-host.ts.
set -eu
final=$1
if [ -e "$final" ]; then exit 0; fi # Another process made it while we waited for the lock.
rm -rf "$(dirname "$final")"/openssh-*
echo "making a Debian 13 root file system, once: about a minute" >&2
work=$final.partial
mkdir -p "$work/tmp" "$work/result"
chmod 1777 "$work/tmp"
finish() {
  status=$?
  if [ "$status" -ne 0 ]; then tail -n 30 "$work/log" >&3; fi
  rm -rf "$work"
}
exec 3>&2 >"$work/log" 2>&1
trap finish EXIT

# The sources and settings of the host's own apt.
apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) main' 'Created-By: Packages' 'Component: main' |
  sed -n 's/ bookworm main$/ trixie main/p' >"$work/sources.list"
[ -s "$work/sources.list" ] || { echo "apt has no source for Debian here"; exit 1; }
apt-config dump Acquire | grep -E '^Acquire::(https?|Check-|Allow|Retries|ForceIPv)' >"$work/apt.conf"
echo 'Dir::Etc { netrc "/etc/apt/auth.conf"; netrcparts "/etc/apt/auth.conf.d"; };' >>"$work/apt.conf"

TMPDIR=$work/tmp mmdebstrap --mode=root --variant=essential --aptopt="$work/apt.conf" \
  --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' --include=openssh-server,sudo,procps \
  trixie "$work/result/root" "$work/sources.list"
rm -f "$work"/result/root/etc/ssh/ssh_host_*
mv "$work/result" "$final"
