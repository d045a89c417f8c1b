# shellcheck shell=sh
# file of the key in use, then files to be removed with their public halves
if [ "$(cut -d' ' -f1,2 "$1.pub" 2>/dev/null)" != "$(public_key "$1")" ]; then write_public "$1"; fi
shift
for file; do
  if [ -s "$file" ] || [ -s "$file.pub" ]; then
    remove "$file.pub" "$file"
    sync_path "${file%/*}/"
  fi
done
