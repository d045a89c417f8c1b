# shellcheck shell=sh
# how to start sshd: for when it did not survive a reload, and nothing else has started it again
set -f
$1 </dev/null >/dev/null 2>&1 &
