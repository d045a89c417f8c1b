# shellcheck shell=sh
# Decides an operation, unless it is decided already, and prints the decision that was made first. Confirms only if the
# host runs the system. Arguments: the operation's id, the decision, toplevel.
if [ "$2" = confirmed ] && [ "$(readlink -f /run/current-system)" != "$3" ]; then
  echo "the host runs $(readlink -f /run/current-system)" >&2
  exit 1
fi
ln -s "$2" /run/nixops4/"$1"/decision 2>/dev/null
readlink /run/nixops4/"$1"/decision
