# shellcheck shell=sh
# folder, seconds -> "busy" while another run has the lock, and "locked" once this run has it. Holds the lock until standard
# input ends or the time is over. Other users must not be able to open the lock file, or they could block the rotation.
umask 077
exec 9>>"$1/ssh_host_key_rotations.lock"
# Some shells pass a descriptor to programs only if it is named.
flock -n 9 9<&9 || { echo busy; flock 9 9<&9 || exit 1; }
echo locked
exec timeout "$2" cat >/dev/null
