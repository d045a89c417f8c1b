# shellcheck shell=sh
# Waits up to 4 s for a new phase or new log lines. Then prints the status, a line `log`, and the log from an offset on.
# Arguments: the operation's id, the offset in bytes, the last known phase.
dir=/run/nixops4/$1
phase='' pid=''
is_alive() { kill -0 "$pid" 2>/dev/null; }
for pause in 0.05 0.05 0.05 0.05 0.05 0.05 0.05 0.05 0.2 0.2 0.2 0.2 0.2 0.2 0.2 0.2 0.2 0.2 0.2 0.2 0.2 0.2 0.2 0.2; do
  if [ ! -d "$dir" ]; then
    printf 'lost=yes\nlog\n'
    exit 0
  fi
  if [ -e "$dir/status" ]; then
    while IFS='=' read -r name value; do
      case $name in phase) phase=$value ;; pid) pid=$value ;; esac
    done <"$dir/status"
    [ "$phase" = "$3" ] || break
    [ "$(wc -c <"$dir/log")" -le "$2" ] || break
    is_alive || break
  fi
  sleep "$pause"
done
if [ -e "$dir/status" ]; then
  # Checks the process before it reads the status: an agent that ends in between has written `done` to it.
  [ -z "$pid" ] || is_alive || echo agent=gone
  cat "$dir/status"
fi
echo log
tail -c "+$(($2 + 1))" "$dir/log" 2>/dev/null || true
