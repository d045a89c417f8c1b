# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # The parts of the installer share their variables.
# Fetches from the binary caches.

# Fetches the closure of a path into a store: signed by the job's keys, and by no others.
realise() {
  nix-store --store "$1" --realise "${@:2}" --no-gc-warning \
    --option substituters "$SUBSTITUTERS" \
    --option trusted-public-keys "$PUBLIC_KEYS" \
    --option require-sigs true \
    --option substitute true \
    --option max-jobs 0 \
    --option builders '' \
    --option connect-timeout 15 \
    --option download-attempts 8 \
    --option narinfo-cache-negative-ttl 0 \
    --option narinfo-cache-positive-ttl 0
}

# Prints the store paths of a closure that no binary cache has, and fails if there are any.
missing_paths() {
  local store="local?root=$STATE/empty-store"
  realise "$store" --dry-run "$1" >"$STATE/closure" 2>&1 || {
    cat "$STATE/closure"
    return 1
  }
  grep --invert-match '^  /nix/store/' "$STATE/closure" || true
  ! sed --quiet '/know how to build these paths/,$p' "$STATE/closure" | grep '^  /nix/store/'
}

# Prints the store path that contains a file.
store_path() {
  cut --delimiter=/ --fields=1-4 <<<"$1"
}

# Reads the progress of the copy from a line of nix-store.
take_progress() {
  case $1 in
    *"paths will be fetched"*) PATHS=${1//[!0-9 ]/} && read -r PATHS _ <<<"$PATHS" ;;
    *"path will be fetched"*) PATHS=1 ;;
    "copying path "*) COPIED=$((COPIED + 1)) ;;
    *) return 0 ;;
  esac
  if ((PATHS > 0 && COPIED > 0)); then
    PERCENT=$(((COPIED - 1) * 100 / PATHS))
    ((PERCENT <= 99)) || PERCENT=99
    MESSAGE="copying the system: path $COPIED of $PATHS"
  fi
}
