# shellcheck shell=sh
# Prints the state of the host as `name=value` lines. Arguments: toplevel, profile, action, and `valid` if the toplevel
# is known to be in the store.
toplevel=$1 profile=$2 action=$3 known=${4:-}
value() { printf '%s=%s\n' "$1" "$2"; }
target() { [ ! -e "$1" ] || readlink -f "$1"; }
booted=/run/booted-system
# Compares links by their targets, and files by their contents.
same() {
  # shellcheck disable=SC3013 # dash and busybox have it.
  [ "$booted/$1" -ef "$toplevel/$1" ] || cmp -s "$booted/$1" "$toplevel/$1" ||
    { [ ! -e "$booted/$1" ] && [ ! -e "$toplevel/$1" ]; }
}
reboot_needed() {
  [ -e "$booted" ] && [ -e "$toplevel" ] || return 1
  for part in kernel initrd kernel-modules kernel-params systemd; do same "$part" || return 0; done
  return 1
}
inhibitors() { [ ! -f "$1/switch-inhibitors" ] || tr '\n' ' ' <"$1/switch-inhibitors"; }
# Reads the status of an operation into phase, pid, its_toplevel, its_action and its_profile.
read_status() {
  phase='' pid='' its_toplevel='' its_action='' its_profile=''
  while IFS='=' read -r name text; do
    case $name in
      phase) phase=$text ;;
      pid) pid=$text ;;
      toplevel) its_toplevel=$text ;;
      action) its_action=$text ;;
      profile) its_profile=$text ;;
    esac
  done <"$1"
}
read -r boot_id </proc/sys/kernel/random/boot_id
value uid "$(id -u)"
value bootId "$boot_id"
value currentSystem "$(target /run/current-system)"
value bootedSystem "$(target "$booted")"
value profileTarget "$(target "$profile")"
value profileLink "$(readlink "$profile")"
if command -v nix-store >/dev/null; then
  value nix yes
  if [ "$known" = valid ] || nix-store --check-validity "$toplevel" 2>/dev/null; then value valid yes; fi
fi
if [ -x "$toplevel/bin/switch-to-configuration" ] && [ -e "$toplevel/nixos-version" ]; then value isSystem yes; fi
if reboot_needed; then value rebootNeeded yes; fi
if [ -L /nix/var/nix/gcroots/nixops4/next ]; then value unfinished yes; fi
value currentInhibitors "$(inhibitors /run/current-system)"
value bootedInhibitors "$(inhibitors "$booted")"
value toplevelInhibitors "$(inhibitors "$toplevel")"
for status in /run/nixops4/*/status; do
  [ -e "$status" ] || continue
  read_status "$status"
  [ "$phase" != 'done' ] || continue
  kill -0 "$pid" 2>/dev/null || continue
  [ "$its_toplevel:$its_action:$its_profile" = "$toplevel:$action:$profile" ] || continue
  operation=${status%/status}
  value operation "${operation##*/}"
done
