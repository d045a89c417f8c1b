# shellcheck shell=sh
# file, the public keys in it and in FILE.new: moves FILE.new to FILE, and the former key to FILE.old
if [ "$(public_key "$1")" != "$2" ] || [ "$(public_key "$1.new")" != "$3" ]; then
  echo "$1 or $1.new was changed by someone else meanwhile" >&2
  exit 1
fi
cp "$1" "$1.old.new"
sync_path "$1.old.new"
mv -f "$1.old.new" "$1.old"
sync_path "${1%/*}/"
move_to "$1.new" "$1"
sync_path "${1%/*}/"
write_public "$1"
