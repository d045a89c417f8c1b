#!/bin/sh
# Installs the named Debian packages, without starting or enabling their services.
# With --size as the first argument, only prints what apt would install, in apt's words.
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin

apt() { apt-get --quiet=2 -o DPkg::Lock::Timeout=300 "$@"; }

if [ "$1" = --size ]; then
  shift
  apt update >&2
  # apt-get fails here, since --assume-no answers its question with no.
  apt-get --assume-no --no-install-recommends install "$@" || true
  exit
fi

folder=$(mktemp -d)
policy=/usr/sbin/policy-rc.d
mark="# Here while packages are installed for the tests of nixops4-providers."

finish() {
  if grep -qsxF "$mark" "$policy"; then rm "$policy"; fi
  rm -r "$folder"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

# Package scripts ask policy-rc.d whether they may start a service. An existing policy of the machine is kept.
if [ ! -e "$policy" ] || grep -qsxF "$mark" "$policy"; then
  printf '#!/bin/sh\n%s\n! kill -0 %s 2>/dev/null || exit 101\n' "$mark" "$$" >"$policy"
  chmod 755 "$policy"
fi

# Lists the enabled services of systemd, including aliases of units, and of System V init.
enabled() {
  find /etc/systemd/system/*.wants /etc/systemd/system/*.service /etc/rc[2-5].d -type l ! -name 'K*' 2>/dev/null | sort
}

enabled >"$folder/before"
status=0
apt install --yes --no-install-recommends "$@" >"$folder/log" 2>&1 || status=$?
enabled >"$folder/after"
comm -13 "$folder/before" "$folder/after" | while read -r link; do
  case $link in
  /etc/rc*) update-rc.d "$(basename "$(readlink "$link")")" disable || true ;;
  *.wants/*) deb-systemd-helper disable "${link##*/}" || true ;;
  *) rm "$link" ;;
  esac
done >/dev/null 2>&1

if [ "$status" -ne 0 ]; then tail -n 30 "$folder/log" >&2; fi
exit "$status"
