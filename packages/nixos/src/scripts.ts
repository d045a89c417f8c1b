import { OPERATIONS_FOLDER, ROOTS_FOLDER } from "./agent.ts";

/** Prints what there is to know before and after, as `name=value`. Arguments: toplevel, profile, action. */
export const OBSERVE = `
toplevel=$1 profile=$2 action=$3
value() { printf '%s=%s\\n' "$1" "$2"; }
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
if [ -L ${ROOTS_FOLDER}/next ]; then value unfinished yes; fi
for status in ${OPERATIONS_FOLDER}/*/status; do
  [ -e "$status" ] || continue
  kill -0 "$(sed -n 's/^pid=//p' "$status")" 2>/dev/null || continue
  if grep -qx phase=done "$status"; then continue; fi
  grep -qxF -e "toplevel=$toplevel" "$status" || continue
  grep -qxF -e "action=$action" "$status" || continue
  grep -qxF -e "profile=$profile" "$status" || continue
  operation=\${status%/status}
  value operation "\${operation##*/}"
done
`;

/**
 * Takes store paths from a `nix copy`, and writes each to the disk before it becomes valid. Nix does not unless it is
 * told to: for what was copied shortly before a power cut it can have empty files, which it never copies again
 * (nix#1218, nix#11457). The setting came with Nix 2.25; the one that is older is slower.
 */
export const RECEIVE = `
setting=fsync-store-paths
if nix-daemon --stdio --option "$setting" true </dev/null 2>&1 | grep -qF "unknown setting '$setting'"; then
  setting=sync-before-registering
fi
exec nix-daemon --stdio --option "$setting" true
`;

/**
 * Stores the agent from standard input and starts it, detached from this session; when repeated because the answer
 * got lost, does what is missing. Arguments: the operation's id, the agent's size in bytes, the agent's arguments.
 */
export const START = `
umask 077
base=${OPERATIONS_FOLDER}
id=$1 size=$2
shift 2
dir=$base/$id
mkdir -p "$dir" && cat >"$dir/agent.new" || exit 1
[ "$(wc -c <"$dir/agent.new")" -eq "$size" ] || { echo "the upload was cut off" >&2; exit 1; }
mv "$dir/agent.new" "$dir/agent"
umask 022
set -- "$@" "PATH=$PATH:/run/current-system/sw/bin:/nix/var/nix/profiles/default/bin:/usr/sbin:/usr/bin:/sbin:/bin"
[ -z "\${LOCALE_ARCHIVE:-}" ] || set -- "$@" "LOCALE_ARCHIVE=$LOCALE_ARCHIVE"
if [ -d /run/systemd/system ]; then
  # A unit of its own survives the session; were its output a pipe to the session, it would not (nixpkgs#462179).
  systemd-run --quiet --collect --no-ask-password --unit="nixops4-activate-$id" --property=OOMPolicy=continue \\
    --description="Activation of a NixOS system by NixOps4" /bin/sh "$dir/agent" "$@" || [ -d "$dir/running" ]
else
  setsid sh "$dir/agent" "$@" </dev/null >/dev/null 2>&1 &
fi
`;

/**
 * Waits a little until there is news, then prints the status, a line \`log\`, and the log from an offset on.
 * Arguments: the operation's id, the offset in bytes, the phase that is known.
 */
export const FOLLOW = `
dir=${OPERATIONS_FOLDER}/$1
phase='' pid=''
is_alive() { kill -0 "$pid" 2>/dev/null; }
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  if [ ! -d "$dir" ]; then
    printf 'lost=yes\\nlog\\n'
    exit 0
  fi
  if [ -e "$dir/status" ]; then
    while IFS='=' read -r name value; do
      case $name in phase) phase=$value ;; pid) pid=$value ;; esac
    done <"$dir/status"
    [ "$phase" = "$3" ] || break
    [ "$(wc -c <"$dir/log")" -le "$2" ] || break
    is_alive || break
  fi
  sleep 0.2
done
if [ -e "$dir/status" ]; then
  # Asked before the status is read: an agent that ends in between says so in it.
  [ -z "$pid" ] || is_alive || echo agent=gone
  cat "$dir/status"
fi
echo log
tail -c "+$(($2 + 1))" "$dir/log" 2>/dev/null || true
`;

/**
 * Decides an operation, unless that was done already, and prints the decision that counts. Confirms only if the
 * system runs. Arguments: the operation's id, the decision, toplevel.
 */
export const DECIDE = `
if [ "$2" = confirmed ] && [ "$(readlink -f /run/current-system)" != "$3" ]; then
  echo "the host runs $(readlink -f /run/current-system)" >&2
  exit 1
fi
ln -s "$2" ${OPERATIONS_FOLDER}/"$1"/decision 2>/dev/null
readlink ${OPERATIONS_FOLDER}/"$1"/decision
`;

/** Reboots once this session has had its answer. */
export const REBOOT = `
if [ -d /run/systemd/system ]; then set -- systemctl reboot; else set -- reboot; fi
setsid sh -c 'sleep 1; exec "$@"' sh "$@" </dev/null >/dev/null 2>&1 &
`;
