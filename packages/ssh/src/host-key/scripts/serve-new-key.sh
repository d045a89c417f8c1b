# shellcheck shell=sh
# file: becomes an sshd on standard input and output that has FILE.new as its first host key
# shellcheck disable=SC2154 # find-sshd.sh sets it.
$sshd_command -t -h "$1.new"
exec $sshd_command -e -i -h "$1.new"
