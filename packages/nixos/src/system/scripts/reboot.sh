# shellcheck shell=sh
# Reboots after a second, so that this session ends first.
if [ -d /run/systemd/system ]; then set -- systemctl reboot; else set -- reboot; fi
setsid sh -c 'sleep 1; exec "$@"' sh "$@" </dev/null >/dev/null 2>&1 &
