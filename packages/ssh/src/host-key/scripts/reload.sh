# shellcheck shell=sh
# "signal", or "unit" and its name, or "command" and the command
# shellcheck disable=SC2154 # find-sshd.sh sets it.
$sshd_command -t
case $1 in
  signal) if [ -n "$listener" ]; then kill -s HUP "$listener"; fi ;;
  unit) systemctl reload "$2" ;;
  command) sh -c "$2" ;;
esac
