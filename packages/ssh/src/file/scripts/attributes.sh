# shellcheck shell=sh
# Of the file with descriptor $1: mode, owner and group (may be empty).
set_attributes() {
  file=/proc/self/fd/$1
  if [ ! -e "$file" ]; then echo "the host has no $file" >&2; exit 1; fi
  # In this order: chown takes set-user-id bits away.
  if [ -n "$3$4" ]; then chown "$3${4:+:$4}" "$file"; fi
  # Where nothing is to change, being refused does no harm.
  chmod "$2" "$file" || [ "0$(stat -L -c %a "$file")" = "0${2#0}" ]
  actual=$(stat -L -c %a "$file")
  # Some file systems (FAT, some shared folders) let chmod do nothing.
  if [ $((0$actual & ~0$2 & 066)) != 0 ]; then
    echo "the file system does not keep permissions: the file has mode $actual where $2 was set" >&2
    exit 1
  fi
}
