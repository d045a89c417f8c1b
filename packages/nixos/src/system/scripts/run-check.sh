# shellcheck shell=sh
# A command for a health check: becomes it.
exec sh -c "$1"
