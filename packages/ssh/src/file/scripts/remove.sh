# shellcheck shell=sh disable=SC2154
if [ -d "./$name" ] && [ ! -L "./$name" ]; then echo "$1 is a directory" >&2; exit 1; fi
if [ -e "./$name" ] || [ -L "./$name" ]; then
  rm -f "./$name"
  sync . 2>/dev/null || sync
fi
