# shellcheck shell=sh
# Ends a command when its time is over or its connection has ended.
# Arguments: its first process, the process that serves the connection (may be empty), hundredths of a second, what
# `kill` gets.
trap '' HUP INT TERM

# When a process started; nothing where it has ended. A number alone may be another one's by now.
start_of() {
  { IFS= read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
  # shellcheck disable=SC2086
  set -- ${stat##*") "}
  shift 19
  echo "$1"
}

is_there() {
  if [ -n "$started" ]; then [ "$(start_of "$1")" = "$started" ]; else kill -s 0 "$1" 2>/dev/null; fi
}

# In hundredths of a second since boot: the time of day may be set meanwhile.
look_at_clock() {
  if { read -r uptime _ </proc/uptime; } 2>/dev/null; then
    now=${uptime%.*}${uptime#*.}
  else
    now=$(date +%s)00
  fi
}

started=$(start_of "$1")
look_at_clock
# Not a hundredth too early: the clock is cut off to them.
end=$((now + $3 + 1))
while look_at_clock && [ "$now" -lt "$end" ]; do
  is_there "$1" || exit 0
  if [ -n "$2" ] && [ ! -d "/proc/$2" ]; then break; fi
  left=$((end - now))
  if [ "$left" -lt 100 ]; then
    sleep "0.$((left / 10))$((left % 10))" 2>/dev/null || sleep 1
  else
    sleep 1
  fi
done
is_there "$1" || exit 0
kill -s TERM -- "$4"
for _ in 1 2 3 4 5 6 7 8 9 10; do
  kill -s 0 -- "$4" || exit 0
  sleep 0.1 2>/dev/null || sleep 1
done
kill -s KILL -- "$4"
