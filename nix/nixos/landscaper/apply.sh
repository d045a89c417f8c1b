# shellcheck shell=bash
# Applies the network in $NIXOPS4_NETWORK, one run at a time, and keeps how the last one went.
#   nixops4-apply [--wait] [MEMBER…]   --wait: after a run that is under way, instead of not at all
#   nixops4-apply --status
set -euo pipefail
state=${NIXOPS4_APPLY_STATE:-/var/lib/nixops4-apply}
umask 022
mkdir -p "$state"
exec 9>"$state/lock"

write_status() {
  jq --null-input "$@" '$ARGS.named' >"$state/status.new"
  mv "$state/status.new" "$state/status.json"
}

if [[ ${1-} == --status ]]; then
  if [[ ! -e $state/status.json ]]; then
    echo '{"state":"never run"}'
  elif flock --nonblock 9; then
    # Nobody has the lock: a run that does not say how it ended was killed.
    jq --compact-output 'if .state == "running" then .state = "interrupted" else . end' "$state/status.json"
  else
    jq --compact-output . "$state/status.json"
  fi
  exit
fi

patience=(--timeout 1) # Longer than --status takes.
if [[ ${1-} == --wait ]]; then
  patience=()
  shift
fi
if ! flock "${patience[@]}" 9; then
  echo "nixops4-apply: another run is under way (nixops4-apply --status)" >&2
  exit 75
fi

started=$(date --utc +%FT%TZ)
write_status --arg state running --arg startedAt "$started" --argjson pid $$
cd "$NIXOPS4_NETWORK"
code=0
# Without the lock: what outlives the run does not hold up the next one.
nixops4 apply "$@" 9>&- || code=$?
outcome=succeeded
if ((code != 0)); then outcome=failed; fi
write_status --arg state "$outcome" --arg startedAt "$started" --arg endedAt "$(date --utc +%FT%TZ)" --argjson exitCode "$code"
exit "$code"
