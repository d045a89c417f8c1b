# shellcheck shell=sh
# Waits a little until there is news, then prints the status, a line `log`, and the log from an offset on.
# Arguments: the operation's id, the offset in bytes, the phase that is known.
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
  # Asked before the status is read: an agent that ends in between says so in it.
  [ -z "$pid" ] || is_alive || echo agent=gone
  cat "$dir/status"
fi
echo log
tail -c "+$(($2 + 1))" "$dir/log" 2>/dev/null || true
