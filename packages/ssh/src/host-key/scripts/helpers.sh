# shellcheck shell=sh
# Arguments are the paths of private keys. Public keys are derived from them, as sshd does, and never read from .pub files.
set -efu
umask 077
public_key() { ssh-keygen -y -P '' -f "$1" 2>/dev/null </dev/null | cut -d' ' -f1,2; }
sync_path() { sync "$1" 2>/dev/null || sync; }
is_mounted() {
  while read -r _ _ _ _ place _; do
    if [ "$place" = "$1" ]; then return 0; fi
  done </proc/self/mountinfo
  return 1
}
# file, place: moves the file to the place. A place that is a mount point (such as a bind mount of a persistent file) can only
# be overwritten: with one write, padded with empty lines, so that it never has a part of both.
move_to() {
  if ! is_mounted "$2"; then mv -f "$1" "$2"; return; fi
  missing=$(($(wc -c <"$2") - $(wc -c <"$1")))
  if [ "$missing" -gt 0 ]; then printf "%${missing}s" '' | sed 's/ /\n/g' >>"$1"; fi
  dd if="$1" of="$2" bs=65536 conv=notrunc,fsync 2>/dev/null
  rm -f "$1"
}
# files: removes them; empties those that are mount points
remove() {
  for gone; do
    if is_mounted "$gone"; then : >"$gone"; sync_path "$gone"; else rm -f "$gone"; fi
  done
}
# file: writes its .pub
write_public() {
  ssh-keygen -y -P '' -f "$1" </dev/null >"$1.pub.new"
  chmod 644 "$1.pub.new"
  sync_path "$1.pub.new"
  move_to "$1.pub.new" "$1.pub"
}
