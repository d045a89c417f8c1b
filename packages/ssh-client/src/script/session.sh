# shellcheck shell=sh disable=SC2154
# Runs as the user who logs in, once the mark was found. Variables: nixops4_m and nixops4_secret, the marks;
# nixops4_sudo, the words that become root; nixops4_enter, the script for the shell that runs as the wanted user;
# nixops4_joined, not empty where the host has joined the two outputs; nixops4_stream, not empty where nothing may
# follow the output.

# Prints the process that serves this connection, and ends with it. (Dropbear's is in our session.)
nixops4_find_server() {
  # Sets name, parent and session of a process.
  look_at() {
    { IFS= read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    name=${stat#*"("}
    name=${name%")"*}
    # shellcheck disable=SC2086
    set -- ${stat##*") "}
    parent=$2 session=$4
  }
  look_at "$$" || return
  own=$session
  while [ "$parent" -gt 0 ]; do
    candidate=$parent
    look_at "$candidate" || break
    case $name:$session in
      *ssh*:* | dropbear*:*) ;;
      *:"$own") continue ;;
    esac
    echo "$candidate"
    break
  done
}

nixops4_server=$(nixops4_find_server)

nixops4_run() {
  # shellcheck disable=SC2086
  $nixops4_sudo /bin/sh -c "$nixops4_enter" sh "$nixops4_m" "$nixops4_server"
}

if [ -z "$nixops4_joined" ]; then
  nixops4_run
  nixops4_code=$?
  [ -n "$nixops4_stream" ] || { echo; echo "$nixops4_secret end $nixops4_code"; }
  echo "$nixops4_secret" >&2
elif [ -n "$nixops4_stream" ]; then
  nixops4_run 2>/dev/null
else
  exec 3>&1
  nixops4_said=$({
    nixops4_run 2>&1 >&3 3>&-
    nixops4_code=$?
    { echo; echo "$nixops4_secret end $nixops4_code"; } >&3
  } | tail -c 65536)
  printf '%s\n' "$nixops4_said"
fi
