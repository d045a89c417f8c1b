# shellcheck shell=sh disable=SC2154
# Runs as the wanted user, before the script. Arguments: the mark, the process that serves the connection, `group`
# or `process` for what is to be ended. Variables: secret, the mark; root, not empty where it must be root; limit, in
# hundredths of a second; watchdog, the script.
if [ -n "$nixops4_root" ] && [ "$(id -u)" != 0 ]; then
  echo "$nixops4_secret not-root"
  exit 1
fi
PATH=${PATH:-/bin}:/run/wrappers/bin:/run/current-system/sw/bin:/nix/var/nix/profiles/default/bin
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
PATH=$PATH:${HOME:-/root}/.nix-profile/bin:${HOME:-/root}/.local/state/nix/profile/bin
export PATH
if [ "$3" = group ]; then
  setsid /bin/sh -c "$nixops4_watchdog" nixops4-watchdog "$$" "$2" "$nixops4_limit" "-$$" </dev/null >/dev/null 2>&1 &
else
  /bin/sh -c "$nixops4_watchdog" nixops4-watchdog "$$" "$2" "$nixops4_limit" "$$" </dev/null >/dev/null 2>&1 &
fi
echo "$nixops4_secret run"
