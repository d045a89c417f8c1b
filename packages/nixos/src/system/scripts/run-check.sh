# shellcheck shell=sh
# Executes the command of a health check.
exec sh -c "$1"
