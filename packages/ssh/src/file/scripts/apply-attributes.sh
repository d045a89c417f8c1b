# shellcheck shell=sh
# path, mode, owner, group
apply_attributes() {
  # In this order: chown takes set-user-id bits away.
  if [ -n "$3$4" ]; then chown "$3${4:+:$4}" "$1"; fi
  chmod "$2" "$1"
}
