# shellcheck shell=sh disable=SC2154
# The file must be a regular file or not exist. Without a wanted owner it keeps its own, so that must be a trusted user.
if { [ -e "./$name" ] || [ -L "./$name" ]; } && [ ! -f "./$name" ]; then
  echo "$1 exists and is not a regular file" >&2
  exit 1
fi
if [ -f "./$name" ] && [ -z "$2" ] && [ "$self" = 0 ] && ! is_trusted "$(stat -c %u "./$name")"; then
  mode=$(stat -c %a .)
  case ${mode%?} in *[2367]) shared=yes ;; *) shared= ;; esac
  case $mode in *[2367]) shared=yes ;; esac
  if [ -n "$shared" ]; then
    echo "$1 belongs to another user (uid $(stat -c %u "./$name")), in a folder that others can write to. Set its owner, or remove it." >&2
    exit 1
  fi
fi
