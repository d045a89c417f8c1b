# shellcheck shell=sh
# program, arguments: executes the program.
exec "$@"
