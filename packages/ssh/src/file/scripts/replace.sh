# shellcheck shell=sh disable=SC2154
# path, trusted owner, empty; mode, owner, group, name of temporary files, random word; `sha256` in the environment, the
# contents on standard input -> a warning, if there is one. The hash is checked, since a broken connection looks like the end of the
# input.
for left in "./$7".*; do
  pid=${left##*.}
  [ -e "$left" ] && ! kill -0 "$pid" 2>/dev/null && [ ! -d "/proc/$pid" ] && rm -f "$left"
done
temporary=./$7.$8.$$
trap 'rm -f "$temporary"' EXIT
trap 'exit 1' HUP INT PIPE TERM
umask 077
# Created with O_EXCL. The name cannot be guessed before, and afterwards only the descriptor is used.
set -C
exec 3> "$temporary"
set +C
exec 4< /proc/self/fd/3
if [ -f "./$name" ]; then copy_attributes "$4"; fi
set_attributes "$4" "$5" "$6"
cat >&3
sum=$(sha256sum <&4)
# shellcheck disable=SC2154
if [ "${sum%% *}" != "$sha256" ]; then echo "the contents did not arrive whole" >&2; exit 1; fi
sync /proc/self/fd/4 4<&4 2>/dev/null || sync
mv -fT "$temporary" "./$name"
# A file that has lost its name was put in place and then replaced, for example by a concurrent run. Its names are counted
# last: it may be replaced until then.
if [ "$(stat -c '%d %i' "./$name")" != "$(stat -L -c '%d %i' /proc/self/fd/3 3<&3)" ] &&
  [ "$(stat -L -c %h /proc/self/fd/3 3<&3)" != 0 ]; then
  echo "$1 was replaced by something else meanwhile" >&2
  exit 1
fi
sync . 2>/dev/null || sync
