# shellcheck shell=sh
# path, mode, owner, group, temporary name; `sha256` in the environment, the contents on standard input. A connection that breaks looks
# like the end of the input: only the hash tells that all of it arrived.
folder=${1%/*}/
if [ ! -d "$folder" ]; then echo "the folder $folder does not exist" >&2; exit 1; fi
for left in "$folder$5".*; do
  pid=${left##*.}
  [ -e "$left" ] && ! kill -0 "$pid" 2>/dev/null && [ ! -d "/proc/$pid" ] && rm -f "$left"
done
temporary=$folder$5.$$
trap 'rm -f "$temporary"' EXIT
trap 'exit 1' HUP INT PIPE TERM
umask 077
set -C
cat > "$temporary"
sum=$(sha256sum < "$temporary")
if [ "${sum%% *}" != "$sha256" ]; then echo "the contents did not arrive whole" >&2; exit 1; fi
apply_attributes "$temporary" "$2" "$3" "$4"
sync "$temporary" 2>/dev/null || sync
mv -f "$temporary" "$1"
sync "$folder" 2>/dev/null || sync
