# shellcheck shell=sh
# Stores the agent from standard input and starts it, detached from this session. Can be repeated when the answer was
# lost. Arguments: the operation's id, the agent's size in bytes, the agent's arguments.
umask 077
base=/run/nixops4
id=$1 size=$2
shift 2
dir=$base/$id
mkdir -p "$dir" && cat >"$dir/agent.new" || exit 1
[ "$(wc -c <"$dir/agent.new")" -eq "$size" ] || { echo "the upload was cut off" >&2; exit 1; }
mv "$dir/agent.new" "$dir/agent"
umask 022
set -- "$@" "PATH=$PATH"
[ -z "${LOCALE_ARCHIVE:-}" ] || set -- "$@" "LOCALE_ARCHIVE=$LOCALE_ARCHIVE"
if [ -d /run/systemd/system ]; then
  # A separate unit survives the end of the session. Its output must not be a pipe to the session (nixpkgs#462179).
  systemd-run --quiet --collect --no-ask-password --unit="nixops4-activate-$id" --property=OOMPolicy=continue \
    --description="Activation of a NixOS system by NixOps4" /bin/sh "$dir/agent" "$@" || [ -d "$dir/running" ]
else
  setsid sh "$dir/agent" "$@" </dev/null >/dev/null 2>&1 &
fi
