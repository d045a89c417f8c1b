# shellcheck shell=sh
# `$1` becomes what it leads to where it is a symbolic link, and must not be anything but a file.
set -eu
links=0
while [ -L "$1" ]; do
  links=$((links + 1))
  if [ $links -gt 40 ]; then echo "too many symbolic links" >&2; exit 1; fi
  target=$(readlink "$1")
  case $target in /*) ;; *) target=${1%/*}/$target ;; esac
  shift
  set -- "$target" "$@"
done
if [ -e "$1" ] && [ ! -f "$1" ]; then
  echo "$1 exists and is not a regular file" >&2
  exit 1
fi
