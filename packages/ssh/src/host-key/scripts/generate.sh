# shellcheck shell=sh
# file, algorithm, bits or nothing -> the public key that was made into FILE.new
rm -f "$1.new" "$1.new.pub"
ssh-keygen -q -t "$2" ${3:+-b "$3"} -N '' -f "$1.new" </dev/null >&2
rm -f "$1.new.pub"
sync_path "$1.new"
sync_path "${1%/*}/"
public_key "$1.new"
