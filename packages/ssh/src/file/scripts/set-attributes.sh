# shellcheck shell=sh disable=SC2154
# path, trusted owner, empty; mode, owner, group.
exec 3< "./$name"
# %h: a file with more than one name may belong to another user.
if [ "$(stat -L -c '%d %i 1' /proc/self/fd/3 3<&3)" != "$(stat -c '%d %i %h' "./$name")" ]; then
  echo "$1 has other names, or was replaced meanwhile" >&2
  exit 1
fi
set_attributes "$4" "$5" "$6"
