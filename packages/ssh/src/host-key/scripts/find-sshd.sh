# shellcheck shell=sh
# Finds the sshd of this connection. Sets `listener` to its process, if it listens itself, and `sshd_command` to its command
# line, as shown in its process title.
served_by='' pid=$$
while [ "$pid" -gt 0 ]; do
  case $(cat "/proc/$pid/comm") in
    sshd | sshd-session) served_by=$pid ;;
    *) if [ -n "$served_by" ]; then break; fi ;;
  esac
  pid=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$pid/status")
done
if [ -z "$served_by" ]; then echo "no sshd of OpenSSH was found among the processes that led here" >&2; exit 1; fi
title=$(tr '\0' ' ' <"/proc/$served_by/cmdline")
listener=''
# shellcheck disable=SC2034
case $title in
  "sshd: /"*)
    listener=$served_by
    sshd_command=${title#sshd: }
    sshd_command=${sshd_command%% \[listener*}
    ;;
  "sshd: "* | "sshd-session: "*) sshd_command=$(command -v sshd) ;;
  *)
    listener=$served_by
    sshd_command=$title
    ;;
esac
