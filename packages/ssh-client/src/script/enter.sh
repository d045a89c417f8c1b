# shellcheck shell=sh
# Becomes a shell in a session of its own that reads what to run from the next line of standard input.
# Arguments: the mark, the process that serves the connection.
# shellcheck disable=SC2016
nixops4_reader='IFS= read -r nixops4_line; case $nixops4_line in "$1 "*) eval "${nixops4_line#* }" ;; esac'
if command -v setsid >/dev/null 2>&1; then
  exec setsid /bin/sh -c "$nixops4_reader" sh "$1" "$2" group
fi
exec /bin/sh -c "$nixops4_reader" sh "$1" "$2" process
