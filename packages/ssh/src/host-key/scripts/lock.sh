# shellcheck shell=sh
# folder, seconds -> "busy" when another one has the lock, and "locked" once this one has, until standard input ends or
# so many seconds are over. The lock is on a file that other users cannot open: who can, can keep us out.
umask 077
exec 9>>"$1/ssh_host_key_rotations.lock"
# Some shells keep descriptors from programs, unless they are named.
flock -n 9 9<&9 || { echo busy; flock 9 9<&9 || exit 1; }
echo locked
exec timeout "$2" cat >/dev/null
