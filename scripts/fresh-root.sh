#!/usr/bin/env bash
# Runs a command in a new Debian 12 that has only Node, npm and a clone of this commit.
set -euo pipefail

usage() {
  cat <<END
Usage: npm run fresh-root -- <command> [<argument>…]

Makes a Debian 12 root file system with Node, npm and a clone of the current commit in $CLONE,
runs the command in that clone, and removes everything again. For example:

  npm run fresh-root -- npm test -- ssh-client
  npm run fresh-root -- bash

The root has its own mounts and processes. Of this machine it gets the network, the devices, the
sources and proxies of apt, the certificate authorities, and the settings of npm and cargo. Takes
root, and mmdebstrap, which is installed by apt-get where it is missing.

  --check   only say why it cannot be done here (exit code 1), or nothing
  --help    show this text
END
}

readonly CLONE=/root/nixops4-providers
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
readonly repository

main() {
  case "${1:-}" in
    --inside) inside "${@:2}" ;;
    --check) check ;;
    --help | "") usage ;;
    *) run "$@" ;;
  esac
}

# Prints the reason and fails when a fresh root cannot be made here.
check() {
  local program
  [ "$(uname -s)" = Linux ] || refuse "this is not Linux"
  [ "$(id -u)" = 0 ] || refuse "it takes root"
  for program in git node npm unshare setpriv losetup; do
    has "$program" || refuse "$program was not found"
  done
  git -C "$repository" "${GIT[@]}" rev-parse --quiet --verify HEAD >/dev/null || refuse "$repository is no git clone"
  unshare --mount --pid --fork true 2>/dev/null || refuse "this system does not allow new namespaces"
  has mmdebstrap || install_mmdebstrap >&2 || refuse "mmdebstrap is missing, and apt-get cannot install it"
}

refuse() {
  echo "$*"
  exit 1
}

has() { type -P "$1" >/dev/null; }

# The clone may belong to another user.
readonly GIT=(-c "safe.directory=*")

install_mmdebstrap() {
  has apt-get || return 1
  echo "Installing mmdebstrap …"
  DEBIAN_FRONTEND=noninteractive apt-get --quiet=2 -o DPkg::Lock::Timeout=300 update &&
    DEBIAN_FRONTEND=noninteractive apt-get --quiet=2 -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends mmdebstrap
}

run() {
  local reason
  reason=$(check) || { echo "error: a fresh root cannot be made here: $reason" >&2; exit 1; }
  folder=$(mktemp --directory --tmpdir="${TMPDIR:-/var/tmp}" nixops4-fresh-root-XXXXXX)
  # The process substitution ends, and removes the folder, when the last process with descriptor 9 exits, even if this
  # script and the command were killed.
  exec 9> >(trap '' HUP INT TERM; exec 9>&-; cat; remove_folder)
  trap 'exec 9>&-; wait' EXIT
  # Both are killed when this script ends. When the first process of the PID namespace ends, the kernel ends all its
  # processes and mounts.
  setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child "$0" --inside "$folder" "$@"
}

# Loop devices outlive the processes that made them, so they are detached first.
remove_folder() {
  local here name inode device
  here=$(stat --format='%Hd:%Ld' "$folder")
  losetup --noheadings --raw --output NAME,BACK-INO,BACK-MAJ:MIN | while read -r name inode device; do
    if [ "$device" = "$here" ] && find "$folder" -xdev -inum "$inode" | grep -q .; then losetup --detach "$name"; fi
  done || true
  rm --recursive --force --one-file-system "$folder"
}

# The functions below run in the first process of the new namespaces.
inside() {
  local folder=$1 settings
  export TMPDIR=$folder
  shift
  echo "Making a fresh Debian 12 in $folder …" >&2
  make_root "$folder/root"
  put_node_in "$folder/root"
  pass_settings "$folder/root"
  git "${GIT[@]}" clone --quiet "$repository" "$folder/root$CLONE"
  mapfile -d '' settings < <(environment)
  mount_root "$folder/root"
  exec chroot . /usr/bin/env -i --chdir="$CLONE" HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    TERM="${TERM:-dumb}" "${settings[@]}" /bin/bash -c '"$@"; exit' bash "$@"
}

make_root() {
  local options=() sources line
  while read -r line; do options+=(--aptopt="$line"); done < <(apt_options)
  sources=$(apt_sources)
  # Without sources, mmdebstrap uses Debian's default ones.
  mmdebstrap --quiet --variant=apt "${options[@]}" bookworm "$1" ${sources:+-} <<<"$sources"
}

# Prints the sources of Debian 12 that this machine uses; nothing on another system.
apt_sources() {
  local sources
  apt-get indextargets --no-release-info --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null |
    grep -E ' bookworm(-updates|-security)? ' | sort --unique || true
}

apt_options() {
  apt-config dump 2>/dev/null | grep -E '^Acquire::(https?::|Check-|Retries|ForceIPv)' || true
}

put_node_in() {
  local npm
  npm=$(dirname "$(dirname "$(readlink --canonicalize "$(type -P npm)")")")
  install "$(node --print process.execPath)" "$1/usr/local/bin/node"
  mkdir --parents "$1/usr/local/lib/node_modules"
  cp --recursive "$npm" "$1/usr/local/lib/node_modules/npm"
  ln --symbolic ../lib/node_modules/npm/bin/npm-cli.js "$1/usr/local/bin/npm"
  ln --symbolic ../lib/node_modules/npm/bin/npx-cli.js "$1/usr/local/bin/npx"
}

# The names of the environment variables that are passed on: network settings, and those that say that this is CI.
readonly PASSED='^(CI|NO_COLOR|((http|https|no|all|ftp)_proxy)|(node_extra_ca_certs|ssl_cert_file|ssl_cert_dir|curl_ca_bundle|cargo_(registr|http|net|source).*|npm_config_(.*registry.*|.*proxy|cafile|strict_ssl|fetch_.*|//.*)))='

environment() {
  env --null | grep --null-data --ignore-case --extended-regexp "$PASSED" || true
}

pass_settings() {
  local root=$1 file
  for file in /etc/hosts /etc/resolv.conf; do cp --dereference "$file" "$root$file"; done
  copy_file "$(npm config get userconfig)" "$root/root/.npmrc"
  copy_file "$(npm config get globalconfig)" "$root/usr/local/etc/npmrc"
  for file in config config.toml credentials.toml; do
    copy_file "${CARGO_HOME:-$HOME/.cargo}/$file" "$root/root/.cargo/$file"
  done
  for file in /etc/ssl/certs/ca-certificates.crt "$(npm config get cafile)" "${NODE_EXTRA_CA_CERTS:-}" \
    "${SSL_CERT_FILE:-}" "${CURL_CA_BUNDLE:-}" "${CARGO_HTTP_CAINFO:-}"; do
    copy_file "$file" "$root$file"
  done
}

copy_file() {
  [ ! -f "$1" ] || install -D --mode=644 "$1" "$2"
}

mount_root() {
  mount --bind "$1" "$1"
  cd "$1"
  mount --rbind /dev dev
  mount --rbind /sys sys
  mount --types proc proc proc
  mount --types tmpfs --options mode=1777 shm dev/shm
  mount --types tmpfs --options mode=755 run run
  mkdir run/lock
  # Like switch_root(8), since a process in a mere chroot cannot create user namespaces.
  mount --move . /
}

main "$@"
