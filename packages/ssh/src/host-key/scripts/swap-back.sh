# shellcheck shell=sh
# file: undoes SWAP
if [ ! -s "$1.old" ]; then echo "there is no $1.old" >&2; exit 1; fi
cp "$1" "$1.new.new"
sync_path "$1.new.new"
mv -f "$1.new.new" "$1.new"
move_to "$1.old" "$1"
sync_path "${1%/*}/"
write_public "$1"
