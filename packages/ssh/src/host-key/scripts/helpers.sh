# shellcheck shell=sh
# Paths of private keys stand for themselves; their public halves are derived, as sshd does, never read.
set -efu
umask 077
public_key() { ssh-keygen -y -P '' -f "$1" 2>/dev/null </dev/null | cut -d' ' -f1,2; }
sync_path() { sync "$1" 2>/dev/null || sync; }
# file: its .pub says what it holds
write_public() {
  ssh-keygen -y -P '' -f "$1" </dev/null >"$1.pub.new"
  chmod 644 "$1.pub.new"
  sync_path "$1.pub.new"
  mv -f "$1.pub.new" "$1.pub"
}
