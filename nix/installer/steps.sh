# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # The parts of the installer share their variables.
# Runs long steps.

# Sets NOW, in seconds. bash's SECONDS is the wall clock: it steps when the time is set.
look_at_clock() {
  local uptime
  read -r uptime _ </proc/uptime
  NOW=${uptime%.*}
}

# Runs a command with its output in the log, and reports while it runs.
run() {
  local pid status=0
  : >"$STATE/output"
  exec {OUTPUT}<"$STATE/output"
  PARTIAL=''
  "$@" </dev/null >>"$STATE/output" 2>&1 &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    take_output
    heartbeat
    sleep 0.2
  done
  wait "$pid" || status=$?
  take_output
  if [[ -n $PARTIAL ]]; then take_line "$PARTIAL"; fi
  exec {OUTPUT}<&-
  return "$status"
}

take_output() {
  local line
  while IFS= read -r -u "$OUTPUT" line; do
    take_line "$PARTIAL$line"
    PARTIAL=''
  done
  PARTIAL+=$line
}

take_line() {
  local line=${1%$'\r'}
  line=${line##*$'\r'}
  if [[ $STAGE == copy ]]; then take_progress "$line"; fi
  say "$line"
}

heartbeat() {
  local silent
  look_at_clock
  silent=$((NOW - LAST_REPORT))
  if ((silent >= HEARTBEAT_SECONDS)) || [[ $silent -ge 2 && $PERCENT != "$LAST_PERCENT" ]]; then report; fi
}
