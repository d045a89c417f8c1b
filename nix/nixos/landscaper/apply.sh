# shellcheck shell=bash
# Applies the network in $NIXOPS4_NETWORK, one run at a time, and records the result of the last run.
set -euo pipefail

usage="usage: nixops4-apply [--wait] [OPTION…] [MEMBER…]
       nixops4-apply --status

Runs 'nixops4 apply' in the folder \$NIXOPS4_NETWORK, one run at a time: for the
members that are named, or else for everything.

  --wait    after a run that is under way, instead of not at all
  --status  print how the last run went, as JSON

Other options are those of 'nixops4 apply'."

state=${NIXOPS4_APPLY_STATE:-/var/lib/nixops4-apply}

# The members of the component `network` besides its hosts. Applying the hosts applies them, too.
own_resources='deploy_key|landscaper_cache_key|state'

fail() {
  echo "nixops4-apply: $2" >&2
  exit "$1"
}

print_status() {
  if [[ -e $state && ! -x $state ]]; then fail 77 "cannot read $state: permission denied"; fi
  if [[ ! -e $state/status.json ]]; then
    echo '{"state":"never run"}'
    return
  fi
  # A run without a result was killed if no process holds the lock.
  local ended='if .state == "running" then .state = "interrupted" else . end' code=0
  flock --shared --nonblock --conflict-exit-code 75 "$state/lock" \
    jq --compact-output "$ended" "$state/status.json" || code=$?
  if ((code != 75)); then return "$code"; fi
  jq --compact-output . "$state/status.json"
}

write_status() {
  jq --null-input "$@" '$ARGS.named' >"$state/status.new"
  mv "$state/status.new" "$state/status.json"
}

# Drops the inputs and outputs that nixops4 prints at its end, since they can contain secrets. Lines of other programs
# may come in between.
without_values() {
  trap '' INT # Until nixops4 has ended.
  exec grep --text --line-buffered --invert-match --extended-regexp '^(    - (input|output) | {12}|["{[])'
}

nixops4_apply() {
  nixops4 --no-interactive apply "$@" 2>&1 | (without_values) >&2
  return "${PIPESTATUS[0]}"
}

# nixops4 stops at the first failure, but waits for each path on its command line. With a path for each host, a host that
# fails does not stop the others.
apply_everything() {
  local names hosts=()
  # The members can depend on resources that are not created yet.
  names=$(nixops4 --no-interactive members list 2>/dev/null) || names=""
  # shellcheck disable=SC2016
  mapfile -t hosts < <(
    grep --invert-match --extended-regexp "^($own_resources|)\$" <<<"$names" |
      xargs --no-run-if-empty --delimiter '\n' --max-args 1 --max-procs "$(nproc)" \
        sh -c 'nixops4 --no-interactive members list "$1" >/dev/null 2>&1 && printf "%s\n" "$1"' sh |
      sort
  )
  if ((${#hosts[@]} > 0)); then
    nixops4_apply "$@" "${hosts[@]}" || return
    # If there are resources outside of the hosts, everything has to be applied.
    grep --invert-match --extended-regexp --line-regexp --quiet \
      "$own_resources|$(IFS='|' && echo "${hosts[*]}")" <<<"$names" || return 0
  fi
  nixops4_apply "$@"
}

apply() {
  cd "$NIXOPS4_NETWORK" || return
  local argument
  for argument; do
    if [[ $argument != -* ]]; then
      nixops4_apply "$@"
      return
    fi
  done
  apply_everything "$@"
}

patience=(--timeout 1) # Longer than --status takes.
for argument; do
  case $argument in
    -h | --help)
      echo "$usage"
      exit
      ;;
  esac
done
case ${1-} in
  --status)
    print_status
    exit
    ;;
  --wait)
    patience=()
    shift
    ;;
esac

umask 022
mkdir -p "$state"
exec 9>"$state/lock"
flock "${patience[@]}" 9 || fail 75 "another run is under way (nixops4-apply --status)"

started=$(date --utc +%FT%TZ)
write_status --arg state running --arg startedAt "$started" --argjson pid $$
code=0
# Processes that outlive the run must not inherit the lock.
apply "$@" 9>&- || code=$?
outcome=succeeded
if ((code != 0)); then outcome=failed; fi
write_status --arg state "$outcome" --arg startedAt "$started" --arg endedAt "$(date --utc +%FT%TZ)" --argjson exitCode "$code"
exit "$code"
