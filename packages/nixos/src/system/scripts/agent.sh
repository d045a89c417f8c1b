#!/bin/sh
# Activates a system on the host, for any POSIX sh (dash and busybox, too). After its start it does not need the deployer.
# In its own folder, it writes its output to `log` and its progress to `status`, and waits for the link `decision`, which
# either the deployer or its own deadline makes, whichever comes first.
#
# A switch begins as a `test`. Until it is confirmed, the boot loader and the profile still have the old system, which
# the host boots after a crash, a power loss or a hang.
set -u
dir=${0%/*}
base=${dir%/*}
roots=/nix/var/nix/gcroots/nixops4
toplevel=$1 action=$2 profile=$3 rollback=$4
confirm_seconds=$5 activation_seconds=$6 lock_seconds=$7 deployer=$8
shift 8
log=$dir/log
stc_lock=/run/nixos/switch-to-configuration.lock

phase=starting outcome='' reason='' details='' exit_code='' holder='' previous='' previous_link=''
committed_link='' rolled_back_exit_code=''

main() {
  # The deployer may start it a second time, when the first answer was lost.
  mkdir "$dir/running" 2>/dev/null || exit 0
  : >>"$log"
  report
  follow_into_journal
  take_lock
  prune
  make_profile_folder
  record
  case $action in
    dry-activate) dry_activate ;;
    boot) boot ;;
    *) activate ;;
  esac
}

dry_activate() {
  phase=activating
  report
  limited "$activation_seconds" "$toplevel/bin/switch-to-configuration" dry-activate
  [ "$code" -eq 0 ] || finish failed "$why"
  finish ok
}

boot() {
  phase=committing
  report
  commit && finish ok
  [ "$rollback" = yes ] || finish failed boot-loader
  phase=rolling-back reason=boot-loader
  report
  restore_boot && finish rolled-back
  finish rollback-failed
}

activate() {
  phase=activating
  report
  log_start=$(wc -c <"$log")
  limited "$activation_seconds" "$toplevel/bin/switch-to-configuration" test
  exit_code=$code
  judge || undo "$why"
  if [ "$rollback" = yes ]; then
    phase=awaiting-confirmation
    report
    await_decision
    [ "$decision" = confirmed ] || undo "$decision"
  fi
  if [ "$action" = switch ]; then
    phase=committing
    report
    commit || undo boot-loader
  fi
  finish ok
}

# Succeeds when switch-to-configuration left the host as wanted; otherwise sets $why.
judge() {
  case $code in
    0 | 100) ;;
    4)
      details=$(new_failures)
      if [ -n "$details" ] || [ -z "$(what_failed)" ]; then
        why=failed-units
        return 1
      fi
      say "What failed had failed in the same way before: not counted."
      ;;
    *) return 1 ;;
  esac
  why=not-current
  [ "$(target /run/current-system)" = "$toplevel" ]
}

# Prints the failures in the log of switch-to-configuration, one a line: the name of the unit, or a description.
what_failed() {
  tail -c "+$((log_start + 1))" "$log" | sed -n \
    -e 's/^warning: the following units failed: //p' \
    -e 's/^warning: \(user activation for .*\) failed$/\1/p' \
    -e 's/^Failed to run \(activate script\)$/\1/p' \
    -e "s/^Activation script snippet \\('.*'\\) failed.*/activation script snippet \\1/p" \
    -e 's/^Failed to \(re\)\{0,1\}\(start\|load\|stop\) \([^ ]*\): .*/\3/p' \
    -e 's/^Failed to \(re\)\{0,1\}\(start\|load\|stop\) \([^ ]*\)$/\3/p' \
    -e 's/^Job for \([^ ]*\) failed.*/\1/p' \
    -e 's/^A dependency job for \([^ ]*\) failed.*/\1/p' | tr ',' '\n' | sed -e 's/^ *//' -e '/^$/d'
}

# Prints in one line the failures that are new or different from before the activation. Looks several times, since a
# service that restarts in a loop is not in the state auto-restart all the time.
new_failures() {
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    failing_units >"$dir/failed-now"
    new=$(what_failed | while read -r what; do
      way=$(way_of "$what" "$dir/failed-now")
      if [ -z "$way" ] || [ "$way" != "$(way_of "$what" "$dir/failed-before")" ]; then printf '%s, ' "$what"; fi
    done)
    [ -n "$new" ] || return
    sleep 0.2
  done
  printf '%s\n' "${new%, }"
}

way_of() {
  while read -r unit way; do [ "$unit" != "$1" ] || printf '%s\n' "$way"; done <"$2"
}

await_decision() {
  deadline_in "$confirm_seconds"
  until [ -L "$dir/decision" ] || is_over; do sleep 0.05; done
  ln -s unconfirmed "$dir/decision" 2>/dev/null
  decision=$(readlink "$dir/decision")
}

commit() {
  limited "$activation_seconds" nix-env -p "$profile" --set "$toplevel"
  [ "$code" -eq 0 ] || return 1
  committed_link=$(readlink "$profile")
  limited "$activation_seconds" "$toplevel/bin/switch-to-configuration" boot
  [ "$code" -eq 0 ] || [ "$code" -eq 100 ]
}

undo() {
  reason=$1
  [ "$rollback" = yes ] || finish failed "$reason"
  phase=rolling-back
  report
  result='rolled-back'
  [ -z "$committed_link" ] || restore_boot || result='rollback-failed'
  restore_running || result='rollback-failed'
  finish "$result"
}

restore_running() {
  if [ -z "$previous" ] || [ ! -x "$previous/bin/switch-to-configuration" ]; then
    say "There is no system to go back to."
    return 1
  fi
  say "Going back to $previous"
  limited "$activation_seconds" "$previous/bin/switch-to-configuration" test
  rolled_back_exit_code=$code
  # Units may fail in the old system as they did before. It only matters that the old system runs.
  [ "$(target /run/current-system)" = "$previous" ] && [ "$timed_out" = no ]
}

# Restores the profile with its generation, and the boot loader.
restore_boot() {
  new_link=$(readlink "$profile")
  [ "$new_link" != "$previous_link" ] || return 0
  say "Going back to ${previous_link:-no generation} in the profile $profile"
  if [ -z "$previous_link" ]; then
    rm -f "$profile" "${profile%/*}/$new_link"
    return 0
  fi
  ln -sfn "$previous_link" "$profile" || return 1
  case $new_link in
    "${profile##*/}"-*-link) rm -f "${profile%/*}/$new_link" ;;
  esac
  boot_system=$(target "$profile")
  [ -x "$boot_system/bin/switch-to-configuration" ] || return 0
  limited "$activation_seconds" "$boot_system/bin/switch-to-configuration" boot
  [ "$code" -eq 0 ] || [ "$code" -eq 100 ]
}

# Runs a command in a process group that is killed as a whole after the time limit. The command does not inherit the
# lock. Sets $code, $timed_out and, for a failure, $why.
limited() {
  limit=$1
  shift
  say "Running $*"
  rm -f "$dir/timed-out"
  setsid env "$@" </dev/null >>"$log" 2>&1 9>&- &
  child=$!
  # shellcheck disable=SC2016
  setsid sh -c 'sleep "$1"; : >"$3"; kill -s TERM -- "-$2"; sleep 5; kill -s KILL -- "-$2"' \
    sh "$limit" "$child" "$dir/timed-out" </dev/null >/dev/null 2>&1 9>&- &
  guard=$!
  wait "$child"
  code=$?
  kill -s KILL -- "-$guard" 2>/dev/null || kill -s KILL "$guard" 2>/dev/null
  timed_out=no why=exit-code
  if [ -e "$dir/timed-out" ]; then
    kill -s KILL -- "-$child" 2>/dev/null
    timed_out=yes why=timeout
    say "Ended after $limit s."
  fi
}

take_lock() {
  exec 9>>"$base/lock"
  deadline_in "$lock_seconds"
  until flock -n 9 9>&9; do
    wait_for "$(cat "$base/holder" 2>/dev/null || echo 'another activation')"
  done
  printf '%s\n' "$deployer, to activate $toplevel, since $(date -u '+%Y-%m-%dT%H:%M:%SZ')" >"$base/holder"
  while stc_holder=$(stc_lock_holder); do wait_for "$stc_holder"; done
  holder=''
}

wait_for() {
  if [ "$holder" != "$1" ]; then
    holder=$1 phase=waiting
    report
  fi
  if is_over; then finish failed busy; fi
  sleep 0.2
}

# Prints who runs another switch-to-configuration, started by other means.
stc_lock_holder() {
  [ -e "$stc_lock" ] || return 1
  if (exec 8<"$stc_lock" && flock -n 8 8<&8); then return 1; fi
  inode=$(stat -c %i "$stc_lock")
  while read -r _ kind _ _ pid file _; do
    case $kind:$file in
      FLOCK:*:"$inode")
        echo "process $pid: $(tr '\000' ' ' <"/proc/$pid/cmdline" 2>/dev/null)"
        return 0
        ;;
    esac
  done </proc/locks
  echo "another switch-to-configuration"
}

# nixos-rebuild does the same. If it fails, nothing was changed yet.
make_profile_folder() {
  case $action in switch | boot) ;; *) return ;; esac
  details=$(mkdir -p "${profile%/*}" 2>&1) || finish failed profile-folder
}

record() {
  previous=$(target /run/current-system)
  previous_link=$(readlink "$profile" 2>/dev/null)
  failing_units >"$dir/failed-before"
  # Protects both systems from garbage collection until the operation ends.
  mkdir -p "$roots"
  ln -sfn "$toplevel" "$roots/next"
  [ -z "$previous" ] || ln -sfn "$previous" "$roots/previous"
}

# Removes all but the last 5 finished operations.
prune() {
  kept=0
  # shellcheck disable=SC2045 # Sorted by age; the names contain no spaces.
  for old in $(ls -t "$base"); do
    grep -qx phase=done "$base/$old/status" 2>/dev/null || continue
    kept=$((kept + 1))
    [ "$kept" -le 5 ] || rm -rf "${base:?}/$old"
  done
}

finish() {
  outcome=$1 phase='done'
  [ $# -lt 2 ] || reason=$2
  # Without the lock, nothing was changed that would need a cleanup.
  if [ "$reason" != busy ]; then
    rm -f "$base/holder"
    # After an incomplete operation the roots stay. They tell the next run to repeat it.
    case $action:$outcome in
      dry-activate:* | *:ok | *:rolled-back) rm -rf "$roots" ;;
    esac
  fi
  say "Finished: $outcome${reason:+ ($reason)}"
  report
  exec 9>&-
  [ -z "${tail:-}" ] || { sleep 1; kill "$tail" 2>/dev/null; }
  exit 0
}

report() {
  {
    printf '%s\n' "phase=$phase" "pid=$$" "toplevel=$toplevel" "action=$action" "profile=$profile"
    printf '%s\n' "outcome=$outcome" "reason=$reason" "exitCode=$exit_code" "holder=$holder"
    printf '%s\n' "previousToplevel=$previous" "previousLink=$previous_link" "rollbackExitCode=$rolled_back_exit_code"
    printf '%s\n' "details=$details" "currentSystem=$(target /run/current-system)"
  } >"$dir/status.new"
  mv "$dir/status.new" "$dir/status"
}

# Copies the log to the journal from a separate process, so that the activation survives a restart of the journal.
follow_into_journal() {
  has_systemd || return 0
  tail -n +1 -f "$log" 9>&- &
  tail=$!
}

# Prints a line for each failed or auto-restarting unit: its name, and how it failed.
failing_units() {
  has_systemd || return 0
  timeout 30 systemctl show --state=failed,auto-restart --property=Id --property=Result --property=ExecMainStatus \
    --no-pager '*' 9>&- | {
    id='' result='' code=''
    while IFS='=' read -r name value; do
      case $name in
        Id) id=$value ;;
        Result) result=$value ;;
        ExecMainStatus) code=$value ;;
        '')
          printf '%s\n' "$id $result $code"
          id='' result='' code=''
          ;;
      esac
    done
    [ -z "$id" ] || printf '%s\n' "$id $result $code"
  }
}

has_systemd() { [ -d /run/systemd/system ]; }

# Prints the final target of a link; nothing if it does not exist.
target() { [ ! -e "$1" ] || readlink -f "$1"; }

# Uses the time since boot, since the time of day may be set meanwhile.
deadline_in() {
  read -r uptime _ </proc/uptime
  deadline=$((${uptime%.*} + $1))
}

is_over() {
  read -r uptime _ </proc/uptime
  [ "${uptime%.*}" -ge "$deadline" ]
}

say() { printf 'nixops4: %s\n' "$*" >>"$log"; }

for variable; do export "${variable?}"; done
main
