# shellcheck shell=sh
# A program and its arguments: becomes it.
exec "$@"
