# shellcheck shell=sh
# Prints what there is to know before and after, as `name=value`. Arguments: toplevel, profile, action.
toplevel=$1 profile=$2 action=$3
value() { printf '%s=%s\n' "$1" "$2"; }
target() { [ ! -e "$1" ] || readlink -f "$1"; }
booted=/run/booted-system
# Links are compared by where they lead, files by their contents.
same() {
  [ "$(target "$booted/$1")" = "$(target "$toplevel/$1")" ] || cmp -s "$booted/$1" "$toplevel/$1"
}
reboot_needed() {
  [ -e "$booted" ] && [ -e "$toplevel" ] || return 1
  for part in kernel initrd kernel-modules kernel-params systemd; do same "$part" || return 0; done
  return 1
}
inhibitors() { [ ! -f "$1/switch-inhibitors" ] || tr '\n' ' ' <"$1/switch-inhibitors"; }
value uid "$(id -u)"
value bootId "$(cat /proc/sys/kernel/random/boot_id)"
value currentSystem "$(target /run/current-system)"
value bootedSystem "$(target "$booted")"
value profileTarget "$(target "$profile")"
value profileLink "$(readlink "$profile")"
if command -v nix-store >/dev/null; then
  value nix yes
  if nix-store --check-validity "$toplevel" 2>/dev/null; then value valid yes; fi
fi
if [ -x "$toplevel/bin/switch-to-configuration" ] && [ -e "$toplevel/nixos-version" ]; then value isSystem yes; fi
if reboot_needed; then value rebootNeeded yes; fi
if [ -L /nix/var/nix/gcroots/nixops4/next ]; then value unfinished yes; fi
value currentInhibitors "$(inhibitors /run/current-system)"
value bootedInhibitors "$(inhibitors "$booted")"
value toplevelInhibitors "$(inhibitors "$toplevel")"
for status in /run/nixops4/*/status; do
  [ -e "$status" ] || continue
  kill -0 "$(sed -n 's/^pid=//p' "$status")" 2>/dev/null || continue
  if grep -qx phase=done "$status"; then continue; fi
  grep -qxF -e "toplevel=$toplevel" "$status" || continue
  grep -qxF -e "action=$action" "$status" || continue
  grep -qxF -e "profile=$profile" "$status" || continue
  operation=${status%/status}
  value operation "${operation##*/}"
done
