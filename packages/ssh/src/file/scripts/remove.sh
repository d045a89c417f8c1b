# shellcheck shell=sh
set -eu
if [ -d "$1" ] && [ ! -L "$1" ]; then echo "$1 is a directory" >&2; exit 1; fi
if [ -e "$1" ] || [ -L "$1" ]; then
  rm -f "$1"
  sync "${1%/*}/" 2>/dev/null || sync
fi
