# shellcheck shell=sh
# file of the key in use, then files to be removed with their public halves
if [ "$(cut -d' ' -f1,2 "$1.pub" 2>/dev/null)" != "$(public_key "$1")" ]; then write_public "$1"; fi
shift
for file; do
  if [ -e "$file" ] || [ -e "$file.pub" ]; then
    rm -f "$file.pub" "$file"
    sync_path "${file%/*}/"
  fi
done
