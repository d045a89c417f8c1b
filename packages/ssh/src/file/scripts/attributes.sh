# shellcheck shell=sh
# Sets the mode, owner and group (may be empty) of the file with descriptor 3. Some shells pass a descriptor to programs only
# if it is named: `3<&3`.
set_attributes() {
  file=/proc/self/fd/3
  if [ ! -e "$file" ]; then echo "the host has no $file" >&2; exit 1; fi
  # chown comes first, since it clears set-user-id bits.
  if [ -n "$2$3" ]; then chown "$2${3:+:$3}" "$file" 3<&3; fi
  # A refusal does not matter if nothing would change.
  chmod "$1" "$file" 3<&3 || [ "0$(stat -L -c %a "$file" 3<&3)" = "0${1#0}" ]
  actual=$(stat -L -c %a "$file" 3<&3)
  # On some file systems (FAT, some shared folders) chmod has no effect.
  if [ $((0$actual & ~0$1 & 066)) != 0 ]; then
    echo "the file system does not keep permissions: the file has mode $actual where $1 was set" >&2
    exit 1
  fi
}

# Copies the access list and the other extended attributes of the existing file to the file with descriptor 3. $1 is the mode
# that is set afterwards. Copies nothing if the mode or the owner revokes access: the new file must not be accessible before.
copy_attributes() {
  # shellcheck disable=SC2154 # enter-folder.sh sets it.
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
