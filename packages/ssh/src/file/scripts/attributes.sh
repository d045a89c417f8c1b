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

# The access list and the other extended attributes of the file that is there go along to that with descriptor 3; $1 is the
# mode that comes after. Not where the mode or the owner takes somebody's access away: nobody who had it may open the new
# file before.
copy_attributes() {
  exec 5< "./$name"
  old=/proc/self/fd/5
  if [ $((0$(stat -L -c %a "$old" 5<&5) & ~0$1 & 077)) = 0 ] && is_trusted "$(stat -L -c %u "$old" 5<&5)" &&
    cp --attributes-only --preserve=mode,xattr "$old" /proc/self/fd/3 3<&3 5<&5 2>/dev/null; then
    return
  fi
  # shellcheck disable=SC2012
  case $(ls -lL "$old" 5<&5) in
    ??????????+*) echo "its access list (ACL) is gone" ;;
  esac
}
