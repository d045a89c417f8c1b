# shellcheck shell=sh
# command line of sshd: starts it, after it did not survive a reload
set -f
$1 </dev/null >/dev/null 2>&1 &
