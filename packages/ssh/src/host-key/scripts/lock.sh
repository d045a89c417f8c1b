# shellcheck shell=sh
# folder, seconds -> "busy" when another one has the lock, and "locked" once this one has: on the folder itself, until
# standard input ends or so many seconds are over
exec 9<"$1"
# Some shells keep descriptors from programs, unless they are named.
flock -n 9 9<&9 || { echo busy; flock 9 9<&9 || exit 1; }
echo locked
exec timeout "$2" cat >/dev/null
