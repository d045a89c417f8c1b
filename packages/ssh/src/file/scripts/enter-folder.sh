# shellcheck shell=sh disable=SC2034
# Changes into the folder of the file $1, so that all later commands act there even if folders are renamed. Sets `name` to
# the name of the file. $2 is the wanted owner (may be empty). With `link` as $3, a link at the end of the path is not
# followed.
#
# As root, it has the rule of systemd-tmpfiles(8): it passes only through folders and links of root, of the current user or
# of the wanted owner, and from those of a user other than root only to that user's. Other users could redirect the write.
set -eu
self=$(id -u)
trusted=" 0 $self "
case $2 in
  '') ;;
  *[!0-9]*) trusted="$trusted$(id -u "$2") " ;;
  *) trusted="$trusted$2 " ;;
esac

is_trusted() {
  case $trusted in *" $1 "*) ;; *) return 1 ;; esac
}

# Arguments: owner, description, path.
pass() {
  if [ "$self" != 0 ]; then return; fi
  if ! is_trusted "$1"; then
    echo "$3 is a $2 of another user (uid $1), who could have the file written elsewhere. Set the file's owner to that user, or choose another path." >&2
    exit 1
  fi
  if [ "$passed" != 0 ] && [ "$1" != "$passed" ]; then
    echo "$3 is a $2 of uid $1 behind one of uid $passed, who could have the file written elsewhere" >&2
    exit 1
  fi
  passed=$1
}

# An absolute link starts again at the root, and may lead only to folders of its owner.
refuse_beyond_links() {
  for uid in $linked; do
    if [ "$self" = 0 ] && [ "$(stat -c %u .)" != "$uid" ]; then
      echo "$(pwd -P) is a folder of uid $(stat -c %u .) behind a link of uid $uid, who could have the file written elsewhere" >&2
      exit 1
    fi
  done
}

enter_folder() {
  rest=$1
  links=0
  linked=
  passed=0
  cd /
  while :; do
    part=${rest%%/*}
    case $rest in */*) rest=${rest#*/} ;; *) rest= ;; esac
    while [ "${rest#/}" != "$rest" ]; do rest=${rest#/}; done
    here=$(pwd -P)
    case $part in
      '' | .)
        if [ -n "$rest" ]; then continue; fi
        part=.
        ;;
    esac
    if [ -L "./$part" ] && { [ -n "$rest" ] || [ "$2" != link ]; }; then
      links=$((links + 1))
      if [ "$links" -gt 40 ]; then echo "too many symbolic links" >&2; exit 1; fi
      before=$(stat -c '%i %u %z' "./$part")
      target=$(readlink "./$part")
      # The link was replaced meanwhile: read it again.
      if [ "$(stat -c '%i %u %z' "./$part")" != "$before" ]; then rest=$part${rest:+/$rest}; continue; fi
      before=${before#* }
      pass "${before%% *}" link "${here%/}/$part"
      case $target in
        /*)
          if [ "$passed" != 0 ]; then linked="$linked $passed"; fi
          cd /
          passed=0
          ;;
      esac
      rest=$target${rest:+/$rest}
    elif [ -z "$rest" ]; then
      name=$part
      refuse_beyond_links
      return
    else
      if [ ! -d "./$part" ]; then echo "the folder ${here%/}/$part does not exist" >&2; exit 1; fi
      # With -P, `pwd` shows where a link that appeared meanwhile has led to.
      cd -P "./$part"
      if [ "$part" != .. ] && [ "$(pwd -P)" != "${here%/}/$part" ]; then echo "${here%/}/$part has changed" >&2; exit 1; fi
      pass "$(stat -c %u .)" folder "$(pwd -P)"
    fi
  done
}

enter_folder "$1" "${3-}"
