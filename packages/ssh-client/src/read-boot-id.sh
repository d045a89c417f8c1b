# shellcheck shell=sh
# -> the id of the current boot; nothing where the system has none
cat /proc/sys/kernel/random/boot_id 2>/dev/null || true
