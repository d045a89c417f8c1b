# shellcheck shell=sh
# Of the file with descriptor 3: mode, owner and group (may be empty). Some shells keep descriptors from programs, unless
# they are named: `3<&3`.
set_attributes() {
  file=/proc/self/fd/3
  if [ ! -e "$file" ]; then echo "the host has no $file" >&2; exit 1; fi
  # In this order: chown takes set-user-id bits away.
  if [ -n "$2$3" ]; then chown "$2${3:+:$3}" "$file" 3<&3; fi
  # Where nothing is to change, being refused does no harm.
  chmod "$1" "$file" 3<&3 || [ "0$(stat -L -c %a "$file" 3<&3)" = "0${1#0}" ]
  actual=$(stat -L -c %a "$file" 3<&3)
  # Some file systems (FAT, some shared folders) let chmod do nothing.
  if [ $((0$actual & ~0$1 & 066)) != 0 ]; then
    echo "the file system does not keep permissions: the file has mode $actual where $1 was set" >&2
    exit 1
  fi
}
