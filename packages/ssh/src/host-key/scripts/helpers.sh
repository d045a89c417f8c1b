# shellcheck shell=sh
# Paths of private keys stand for themselves; their public halves are derived, as sshd does, never read.
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
# file, place: the file takes the place. A place that is a mount point (a file of a persistent folder, bound there) can
# only be written into: all at once, and filled up with empty lines, so that no moment has a part of each.
move_to() {
  if ! is_mounted "$2"; then mv -f "$1" "$2"; return; fi
  missing=$(($(wc -c <"$2") - $(wc -c <"$1")))
  if [ "$missing" -gt 0 ]; then printf "%${missing}s" '' | sed 's/ /\n/g' >>"$1"; fi
  dd if="$1" of="$2" bs=65536 conv=notrunc,fsync 2>/dev/null
  rm -f "$1"
}
# files: gone; of one that is a mount point, what it holds
remove() {
  for gone; do
    if is_mounted "$gone"; then : >"$gone"; sync_path "$gone"; else rm -f "$gone"; fi
  done
}
# file: its .pub says what it holds
write_public() {
  ssh-keygen -y -P '' -f "$1" </dev/null >"$1.pub.new"
  chmod 644 "$1.pub.new"
  sync_path "$1.pub.new"
  move_to "$1.pub.new" "$1.pub"
}
