#!/usr/bin/env bash
# Installs NixOS on the machine that it runs on: takes its job from the overlay of a network boot, claims it, wipes the
# one disk that the job names, installs, and reports until the boot service has acknowledged the result.
# docs/protocols/installer.md says what goes over the network, docs/protocols/install-job.md what is in the overlay.
#
# Needs bash 5, coreutils, grep, util-linux 2.37, curl, jq, nix 2.8 and nixos-install, and runs as root. Images that are
# not NixOS, and tests, can set:
#   NIXOPS4_JOB              the folder of the job; /nixops4
#   NIXOPS4_STATE            a folder that does not outlive the boot; /run/nixops4-installer
#   NIXOPS4_NIXOS_INSTALL    what is called as nixos-install is; nixos-install
#   NIXOPS4_REBOOT           what restarts the machine; reboot
#   NIXOPS4_DISK_TYPES       what lsblk calls those that may be installed on; disk
#   NIXOPS4_NETWORK_SECONDS  for how long the boot service is waited for; 3600
#
# Exits with 0 when the machine was told to restart, with 1 when it was not: what went wrong is on the console, and
# reported if possible. When it is killed, it can be started again in the same boot.
# shellcheck disable=SC2317 # Functions are called by traps and by `run`.
set -euo pipefail

# By this all processes of a run can be found, also when the run itself was killed.
if [[ -z ${NIXOPS4_INSTALLER-} ]]; then
  NIXOPS4_INSTALLER=$$ exec "$BASH" "$0" "$@"
fi

export LC_ALL=C HOME="${HOME:-/root}"
readonly JOB=${NIXOPS4_JOB:-/nixops4}
readonly STATE=${NIXOPS4_STATE:-/run/nixops4-installer}
readonly NIXOS_INSTALL=${NIXOPS4_NIXOS_INSTALL:-nixos-install}
readonly REBOOT=${NIXOPS4_REBOOT:-reboot}
readonly DISK_TYPES=${NIXOPS4_DISK_TYPES:-disk}
readonly NETWORK_SECONDS=${NIXOPS4_NETWORK_SECONDS:-3600}
readonly LOG=$STATE/log
readonly BY_ID=/dev/disk/by-id
readonly HOST_KEY=ssh_host_ed25519_key

readonly HEARTBEAT_SECONDS=10
readonly MAX_PAUSE_SECONDS=30
readonly RESULT_SECONDS=$((24 * 3600))
readonly MAX_LINE=400
readonly MAX_LOG_LINES=50 # The boot service keeps no more.

STAGE=job MESSAGE='' PERCENT=''
CLAIMED='' ENDED='' FAILED_AT=''
SECRETS=()
LOG_LINES=0 SENT_LINES=0 LAST_REPORT=0 LAST_PERCENT=''
HTTP_STATUS=000
PATHS=0 COPIED=0

main() {
  prepare
  read_token
  read_job
  wait_for_network
  choose_disk
  fetch_disko
  claim
  partition
  copy_system
  place_host_key
  install_system
  finish
}

# --- the stages ---

prepare() {
  umask 022
  trap on_exit EXIT
  trap 'FAILED_AT="line $LINENO: $BASH_COMMAND"' ERR
  for signal in INT TERM HUP; do
    # shellcheck disable=SC2064
    trap "ENDED=$signal; exit 1" "$signal"
  done
  set -o errtrace
  kill_other_processes
  mkdir -p "$STATE"
  chmod 700 "$STATE"
  : >"$LOG"
  BOOT_ID=$(</proc/sys/kernel/random/boot_id)
}

read_token() {
  local name value
  for name in token job-url generation; do
    [[ -f $JOB/$name ]] || give_up "there is no $JOB/$name: this machine was not booted by a boot entry"
  done
  TOKEN=$(<"$JOB/token")
  JOB_URL=$(<"$JOB/job-url")
  GENERATION=$(<"$JOB/generation")
  [[ $TOKEN =~ ^[A-Za-z0-9._~+/=-]+$ ]] || give_up "$JOB/token is no token"
  [[ $JOB_URL =~ ^https?://[^[:space:]?#]+$ ]] || give_up "$JOB/job-url is no URL"
  [[ $GENERATION =~ ^[1-9][0-9]{0,9}$ ]] || give_up "$JOB/generation is no whole number from 1"
  SECRETS+=("$TOKEN")
  [[ -f $JOB/$HOST_KEY ]] || return 0
  while IFS= read -r value || [[ -n $value ]]; do
    if [[ ${#value} -ge 8 && $value != -----* ]]; then SECRETS+=("$value"); fi
  done <"$JOB/$HOST_KEY"
}

read_job() {
  local violations
  enter_stage job "reading the job"
  violations=$(job_violations) || violations="install.json: cannot be checked"
  if [[ -n $violations ]]; then fail "the job is not valid: ${violations//$'\n'/; }"; fi
  HOST_NAME=$(job .hostName)
  SYSTEM=$(job .system)
  DISKO_SCRIPT=$(job .diskoScript)
  SUBSTITUTERS=$(job '[.substituters[].url] | join(" ")')
  PUBLIC_KEYS=$(job '[.substituters[].publicKey] | join(" ")')
  ALLOW_WIPE=$(job .disk.allowWipe)
  ROOT=$(job .rootMount)
}

wait_for_network() {
  local url=${JOB_URL%/jobs/*}/healthz started=$SECONDS said=-$MAX_PAUSE_SECONDS
  enter_stage network "waiting for the boot service"
  until curl -q --silent --show-error --fail --connect-timeout 5 --max-time 10 \
    --output /dev/null "$url" 2>"$STATE/curl-error"; do
    if ((SECONDS - started >= NETWORK_SECONDS)); then
      give_up "$url has not answered for $NETWORK_SECONDS s ($(curl_error))"
    fi
    if ((SECONDS - said >= 10)); then
      said=$SECONDS
      say "$url does not answer yet, after $((SECONDS - started)) s of at most $NETWORK_SECONDS s ($(curl_error))"
    fi
    sleep 1
  done
}

choose_disk() {
  enter_stage check-disk "looking for the disk to install on"
  find_disk
  if is_begun; then release_disk; fi
  check_disk
  say "installs on $DISK ($DISK_DESCRIPTION)"
}

# Before the claim: what is wrong with the binary cache then takes no other generation.
fetch_disko() {
  enter_stage fetch "fetching the script that partitions the disk"
  run realise local "$(store_path "$DISKO_SCRIPT")" ||
    fail "the script that partitions the disk cannot be fetched from $SUBSTITUTERS"
  [[ -f $DISKO_SCRIPT && -x $DISKO_SCRIPT ]] || fail "$DISKO_SCRIPT is no executable file"
}

claim() {
  enter_stage claim "asking for the permission to install"
  ask_for_claim
  report
}

partition() {
  enter_stage partition "partitioning $DISK"
  # The download and the claim may have taken hours.
  check_disk
  printf '%s\n' "$DISK_IDENTITY" >"$STATE/begun.new"
  mv "$STATE/begun.new" "$STATE/begun"
  run env NIXOPS4_DISK="$DISK" "$DISKO_SCRIPT" "$DISK" || fail "partitioning $DISK failed (exit status $?)"
  mountpoint --quiet "$ROOT" || fail "the script that partitions the disk has mounted nothing on $ROOT"
}

copy_system() {
  enter_stage copy "copying the system"
  run realise "local?root=$ROOT" "$SYSTEM" || fail "the system cannot be copied from $SUBSTITUTERS"
}

# Before the boot loader is installed: a ramdisk that takes SSH connections gets its host key then.
place_host_key() {
  enter_stage host-key "placing the SSH host key"
  local folder=$ROOT/etc/ssh
  if ! { install --directory --mode=755 --owner=0 --group=0 "$ROOT/etc" "$folder" &&
    install --mode=600 --owner=0 --group=0 "$JOB/$HOST_KEY" "$folder/$HOST_KEY" &&
    install --mode=644 --owner=0 --group=0 "$JOB/$HOST_KEY.pub" "$folder/$HOST_KEY.pub"; }; then
    fail "the SSH host key cannot be written to $folder"
  fi
}

install_system() {
  enter_stage install "running nixos-install"
  run "$NIXOS_INSTALL" --root "$ROOT" --system "$SYSTEM" --no-root-passwd --no-channel-copy ||
    fail "nixos-install failed (exit status $?)"
}

finish() {
  enter_stage finish "writing everything to the disk"
  run unmount_root || fail "$ROOT cannot be unmounted"
  MESSAGE="installed $HOST_NAME ($SYSTEM) on $DISK"
  say "$MESSAGE"
  conclude installed
  say "the boot service has acknowledged it: restarting"
  restart
}

# --- how a run ends ---

# $1: one sentence.
fail() {
  ENDED=failed
  kill_other_processes
  say "failed: $1"
  [[ -e $STATE/begun ]] || say "no disk was touched"
  MESSAGE=$1 PERCENT=''
  conclude failed
  exit 1
}

# Without a report: there is nobody to report to, or nothing that would be heard.
give_up() {
  ENDED=failed
  say "stopped: $1"
  exit 1
}

boot_from_disk() {
  say "restarting to boot from disk: $1"
  restart
}

restart() {
  local command
  ENDED=restarted
  read -ra command <<<"$REBOOT"
  "${command[@]}"
  exit 0
}

# Reports the outcome until it is acknowledged.
conclude() {
  local started=$SECONDS pause=1
  until send_report "$1"; do
    case $HTTP_STATUS in
      409) [[ -n $CLAIMED ]] || boot_from_disk "$(server_error)" ;;&
      400 | 403 | 409 | 413) give_up "the boot service refuses the report \"$1\": $(server_error)" ;;
    esac
    ((SECONDS - started < RESULT_SECONDS)) || give_up "nobody has taken the report \"$1\" for $RESULT_SECONDS s"
    say "the report \"$1\" is not acknowledged ($(server_error)): trying again in $pause s"
    sleep "$pause"
    pause=$((pause * 2 < MAX_PAUSE_SECONDS ? pause * 2 : MAX_PAUSE_SECONDS))
  done
}

on_exit() {
  trap - EXIT ERR
  if [[ -z $ENDED ]]; then fail "something unforeseen failed ($FAILED_AT)"; fi
  kill_other_processes
}

# A step must not go on without its installer: those of an earlier run that was killed, and at the end our own.
kill_other_processes() {
  local files file pid attempt found
  for attempt in {1..600}; do
    found=''
    mapfile -t files < <(exec env --unset=NIXOPS4_INSTALLER \
      grep --files-with-matches --null-data --no-messages '^NIXOPS4_INSTALLER=' /proc/[0-9]*/environ)
    for file in "${files[@]}"; do
      pid=${file//[!0-9]/}
      if [[ $pid != "$$" ]] && kill -KILL "$pid" 2>/dev/null; then found=$pid; fi
    done
    [[ -n $found ]] || return 0
    sleep 0.1
  done
  ENDED=failed
  say "stopped: process $found of an earlier run does not end (attempt $attempt)"
  exit 1
}

# --- the job ---

job() {
  jq --raw-output "$1" "$JOB/install.json"
}

# Prints a line for each mistake.
job_violations() {
  local file=$JOB/install.json name
  for name in "$HOST_KEY" "$HOST_KEY.pub"; do
    [[ -s $JOB/$name ]] || echo "$name: is missing"
  done
  if [[ ! -f $file ]]; then
    echo "install.json: is missing"
  elif ! jq --exit-status --slurp 'length == 1' "$file" >/dev/null 2>&1; then
    echo "install.json: is not JSON"
  else
    # \A and \z, as ^ and $ match at each line.
    jq --raw-output '
      def must(path; ok; what): if ok then empty else "\(path): must be \(what)" end;
      def unknown(prefix; known): if type == "object" then (keys - known)[] | "\(prefix)\(.): unknown field" else empty end;
      def matches(regex): type == "string" and test("\\A(" + regex + ")\\z");
      def bytes: . == null or (type == "number" and . >= 0 and . == floor);
      def store_path: "/nix/store/[0-9a-df-np-sv-z]{32}-[0-9A-Za-z+._?=-]+";

      if type != "object" then "install.json: must be an object" else
        unknown(""; ["version", "hostName", "system", "diskoScript", "substituters", "disk", "rootMount"]),
        must("version"; .version == 1; "1"),
        must("hostName"; .hostName | matches("[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"); "a host name"),
        must("system"; .system | matches(store_path); "a store path"),
        must("diskoScript"; .diskoScript | matches(store_path + "(/[0-9A-Za-z+_=-][0-9A-Za-z+._=-]*)*");
          "a store path, or a file in one"),
        must("substituters"; .substituters | type == "array" and length > 0; "a list of at least one"),
        (.substituters | arrays | to_entries[] | "substituters.\(.key)" as $path | .value |
          must($path; type == "object"; "an object"),
          unknown("\($path)."; ["url", "publicKey"]),
          # A query could switch the check of signatures off.
          must("\($path).url"; objects | .url | matches("https?://[^\\s?#@\"\\\\]+"); "an http or https URL without query"),
          must("\($path).publicKey"; objects | .publicKey | matches("[^\\s:]+:[A-Za-z0-9+/]{43}="); "a key name and a key")),
        must("disk"; .disk | type == "object"; "an object"),
        (.disk | objects |
          unknown("disk."; ["byId", "serial", "minBytes", "maxBytes", "allowWipe"]),
          must("disk.byId"; .byId | . == null or matches("(/dev/disk/by-id/)?[^/\\s]+"); "a name in /dev/disk/by-id"),
          must("disk.serial"; .serial | . == null or (type == "string" and test("\\S")); "a serial number"),
          must("disk.minBytes"; .minBytes | bytes; "a number of bytes"),
          must("disk.maxBytes"; .maxBytes | bytes; "a number of bytes"),
          must("disk.maxBytes"; (.minBytes | type) != "number" or (.maxBytes | type) != "number" or .minBytes <= .maxBytes;
            "at least minBytes"),
          must("disk"; [.byId, .serial, .minBytes, .maxBytes] | any(. != null);
            "told by at least one of byId, serial, minBytes, maxBytes"),
          must("disk.allowWipe"; .allowWipe | type == "boolean"; "true or false")),
        must("rootMount"; .rootMount | matches("(/[0-9A-Za-z+_=-][0-9A-Za-z+._=-]*)+"); "an absolute path")
      end' "$file"
  fi
}

# --- the disk ---

# Sets DISK (what the partitioning script is told), DISK_PATH (the kernel's name), DISK_DESCRIPTION, DISK_IDENTITY.
find_disk() {
  local disks count line
  disks=$(list_disks)
  jq --raw-output '.[] | "found \(.path) (\(.description)): \(.mismatches | if . == [] then "matches" else join(", ") end)"' \
    <<<"$disks" >"$STATE/disks"
  while IFS= read -r line; do say "$line"; done <"$STATE/disks"
  count=$(jq '[.[] | select(.mismatches == [])] | length' <<<"$disks")
  case $count in
    1) ;;
    0) fail "no disk is the one that the job asks for ($(criteria)); there is $(names_of "$disks" true)" ;;
    *) fail "$count disks are what the job asks for ($(criteria)), and it has to be one: $(names_of "$disks" false)" ;;
  esac
  disks=$(jq '.[] | select(.mismatches == [])' <<<"$disks")
  DISK=$(jq --raw-output '.device' <<<"$disks")
  DISK_PATH=$(jq --raw-output '.path' <<<"$disks")
  DISK_DESCRIPTION=$(jq --raw-output '.description' <<<"$disks")
  DISK_IDENTITY="$BOOT_ID $GENERATION $(jq --raw-output '"\(.path) \(.size) \(.serial)"' <<<"$disks")"
}

# Prints all disks as JSON, each with what makes it another one than the job asks for.
list_disks() {
  lsblk --json --bytes --nodeps --output KNAME,PATH,TYPE,SIZE,SERIAL,MODEL,RO |
    jq --slurpfile job "$JOB/install.json" --arg types "$DISK_TYPES" --arg folder "$BY_ID/" \
      --rawfile links <(list_links) --rawfile serials <(list_serials) '
      def table: split("\n") | map(select(. != "") | split("\t"));
      def text: if type == "string" then gsub("\\A\\s+|\\s+\\z"; "") else "" end;
      def is_set: . == true or . == "1";

      $job[0].disk as $want
      | ($want.byId | if . == null then null else $folder + ltrimstr($folder) end) as $id
      | ($links | table) as $links
      | ($serials | table) as $serials
      | [ .blockdevices[]
        | select(.type as $type | $types | split(" ") | index($type))
        | select(.kname | test("^(zram|ram|fd|mmcblk[0-9]+(boot|rpmb))") | not)
        | .size |= tonumber
        | select((.ro | is_set | not) and .size > 0)
        | .path as $path | .kname as $kname
        | .ids = [$links[] | select(.[0] == $path)[1]]
        | .serial = ([.serial, ($serials[] | select(.[0] == $kname)[1])] | map(text) | map(select(. != "")) | first // "")
        | .device = (if $id != null then $id else .ids[0] // .path end)
        | .description = ([
            "\(.size) bytes",
            (if .serial == "" then "no serial" else "serial \(.serial)" end),
            (.model | text | select(. != "")),
            (.ids[0] // empty | ltrimstr($folder))
          ] | join(", "))
        | .mismatches = [
            (if $id != null and (.ids | index($id) | not) then "its id is not \($want.byId)" else empty end),
            (if $want.serial != null and .serial != ($want.serial | text) then "its serial is not \($want.serial)" else empty end),
            (if $want.minBytes != null and .size < $want.minBytes then "it has less than \($want.minBytes) bytes" else empty end),
            (if $want.maxBytes != null and .size > $want.maxBytes then "it has more than \($want.maxBytes) bytes" else empty end)
          ]
      ] | sort_by(.path)'
}

list_links() {
  local link
  for link in "$BY_ID"/*; do
    if [[ -b $link ]]; then printf '%s\t%s\n' "$(readlink --canonicalize "$link")" "$link"; fi
  done
}

# For systems without udev, where lsblk knows no serial numbers.
list_serials() {
  local file kname
  for file in /sys/block/*/serial /sys/block/*/device/serial; do
    [[ -r $file ]] || continue
    kname=${file#/sys/block/}
    printf '%s\t%s\n' "${kname%%/*}" "$(tr --delete '\0\n' <"$file")"
  done
}

# The job's criteria, for people.
criteria() {
  job '.disk | to_entries | map(select(.value != null and .key != "allowWipe") | "\(.key) \(.value)") | join(", ")'
}

# $2: whether all are meant, or those only that match.
names_of() {
  jq --raw-output --argjson all "$2" \
    'map(select($all or .mismatches == []) | "\(.path) (\(.description))") | if . == [] then "none" else join("; ") end' <<<"$1"
}

# Whether this boot has begun to install on the disk: what is on it then is ours.
is_begun() {
  [[ -f $STATE/begun && $(<"$STATE/begun") == "$DISK_IDENTITY" ]]
}

# Lets go of what a run that was killed had mounted.
release_disk() {
  local device
  say "continues on $DISK, where an earlier run of this boot was cut off"
  while mountpoint --quiet "$ROOT"; do
    umount --recursive "$ROOT" || fail "$ROOT, which an earlier run has mounted, cannot be unmounted"
  done
  while IFS= read -r device; do
    swapoff "$device" || fail "$device, which an earlier run swaps to, cannot be released"
  done < <(disk_tree | jq --raw-output 'select(.mountpoints | index("[SWAP]")) | .path')
}

# Fails unless the disk may be wiped.
check_disk() {
  local used data
  if mountpoint --quiet "$ROOT"; then fail "something is mounted on $ROOT already"; fi
  used=$(disk_tree | jq --raw-output --slurp 'map(.path as $path | .mountpoints[] | "\($path) (\(.))") | unique | join(", ")') ||
    fail "$DISK cannot be looked at"
  if [[ -n $used ]]; then fail "$DISK ($DISK_DESCRIPTION) is in use: $used"; fi
  if is_begun; then return; fi
  data=$(data_on_disk) || fail "$DISK ($DISK_DESCRIPTION) cannot be read, so nobody knows what is on it"
  if [[ -z $data ]]; then return; fi
  if [[ $ALLOW_WIPE == true ]]; then
    say "wipes what is on $DISK, as the job allows: $data"
  else
    fail "$DISK ($DISK_DESCRIPTION) is not empty ($data), and the job does not allow to wipe it"
  fi
}

# Prints the disk and all that is on it, from partitions to logical volumes, a JSON object each.
disk_tree() {
  lsblk --json --output PATH,TYPE,MOUNTPOINTS "$DISK_PATH" |
    jq --compact-output '.blockdevices[] | recurse(.children[]?) | .mountpoints |= map(select(. != null))'
}

# Prints what is on the disk and its partitions, or nothing; fails if that cannot be known.
data_on_disk() {
  local devices device status found=()
  mapfile -t devices < <(disk_tree | jq --raw-output --arg disk "$DISK_PATH" 'select(.path == $disk or .type == "part") | .path')
  ((${#devices[@]} > 0)) || return 1
  for device in "${devices[@]}"; do
    wipefs --no-act --noheadings --output TYPE "$device" >"$STATE/signatures" || return 1
    mapfile -t -O "${#found[@]}" found < <(sort --unique "$STATE/signatures" | sed "s|^|$device: |")
    status=0
    blkid --probe "$device" >/dev/null || status=$?
    case $status in
      0) if [[ ! -s $STATE/signatures ]]; then found+=("$device: a signature"); fi ;;
      2) ;;
      8) found+=("$device: more than one signature") ;;
      *) return 1 ;;
    esac
  done
  join ', ' "${found[@]}"
}

unmount_root() {
  local attempt
  sync
  for attempt in {1..10}; do
    if umount --recursive "$ROOT"; then break; fi
    echo "attempt $attempt to unmount $ROOT failed"
    sleep 1
  done
  # A pool that was not exported is refused by the system that was installed on it.
  if command -v zpool >/dev/null; then zpool export -a; fi
  sync
  ! mountpoint --quiet "$ROOT"
}

# --- the system ---

# Fetches the closure of a path into a store: signed by the job's keys, and by no others.
realise() {
  nix-store --store "$1" --realise "$2" --no-gc-warning \
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

# The store path that a file is in.
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

# --- steps that take long ---

# Runs a command with its output in the log, and reports while it runs.
run() {
  local pid status=0
  : >"$STATE/output"
  exec {OUTPUT}<"$STATE/output"
  PARTIAL=''
  "$@" </dev/null >>"$STATE/output" 2>&1 &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    take_output
    heartbeat
    sleep 0.2
  done
  wait "$pid" || status=$?
  take_output
  if [[ -n $PARTIAL ]]; then take_line "$PARTIAL"; fi
  exec {OUTPUT}<&-
  return "$status"
}

take_output() {
  local line
  while IFS= read -r -u "$OUTPUT" line; do
    take_line "$PARTIAL$line"
    PARTIAL=''
  done
  PARTIAL+=$line
}

take_line() {
  local line=${1%$'\r'}
  line=${line##*$'\r'}
  if [[ $STAGE == copy ]]; then take_progress "$line"; fi
  say "$line"
}

heartbeat() {
  local silent=$((SECONDS - LAST_REPORT))
  if ((silent >= HEARTBEAT_SECONDS)) || [[ $silent -ge 2 && $PERCENT != "$LAST_PERCENT" ]]; then report; fi
}

# --- what is said, and to whom ---

enter_stage() {
  STAGE=$1 MESSAGE=$2 PERCENT=''
  say "$2"
  report
}

# To the console and the log.
say() {
  local line=${1//[[:cntrl:]]/ } secret
  for secret in "${SECRETS[@]}"; do line=${line//"$secret"/(secret)}; done
  line=${line:0:MAX_LINE}
  printf 'nixops4-installer: %s: %s\n' "$STAGE" "$line"
  if [[ -e $LOG ]]; then printf '%s\n' "$line" >>"$LOG"; fi
  LOG_LINES=$((LOG_LINES + 1))
}

# Tells how it goes; that nobody hears it is no reason to stop.
report() {
  if [[ -n $CLAIMED ]]; then send_report '' || true; fi
}

# $1: the outcome, or nothing. True once it is acknowledged.
send_report() {
  local count=$LOG_LINES
  LAST_REPORT=$SECONDS LAST_PERCENT=$PERCENT
  report_body "$1" >"$STATE/report"
  post report "$STATE/report"
  [[ $HTTP_STATUS == 200 ]] || return 1
  SENT_LINES=$count
}

report_body() {
  tail --lines="+$((SENT_LINES + 1))" "$LOG" | tail --lines="$MAX_LOG_LINES" |
    jq --null-input --rawfile log /dev/stdin --arg bootId "$BOOT_ID" --arg stage "$STAGE" --arg message "$MESSAGE" \
      --arg percent "$PERCENT" --arg outcome "$1" '
      {$bootId, $stage, $message, log: ($log | split("\n")[:-1])}
      + (if $percent == "" then {} else {percent: ($percent | tonumber)} end)
      + (if $outcome == "" then {} else {$outcome} end)'
}

# Returns when the claim is granted, however long that takes.
ask_for_claim() {
  local pause=1
  jq --null-input --arg bootId "$BOOT_ID" '{$bootId}' >"$STATE/claim"
  while :; do
    post claim "$STATE/claim"
    case $HTTP_STATUS in
      200) if is_grant; then break; fi ;;
      409) boot_from_disk "$(server_error)" ;;
      400 | 403) give_up "the boot service refuses the claim: $(server_error)" ;;
    esac
    say "the claim is not granted ($(server_error)): trying again in $pause s"
    sleep "$pause"
    pause=$((pause * 2 < MAX_PAUSE_SECONDS ? pause * 2 : MAX_PAUSE_SECONDS))
  done
  CLAIMED=yes
  say "the claim is granted"
}

# Whatever stands between us and the boot service may answer 200 to everything.
is_grant() {
  jq --exit-status --slurp --argjson generation "$GENERATION" \
    'length == 1 and (.[0] | type == "object" and .generation == $generation and (.attempt | type == "number" and . >= 1))' \
    "$STATE/answer" >/dev/null 2>&1
}

# Sends the file $2; sets HTTP_STATUS, 000 when no whole answer came, which is in $STATE/answer.
post() {
  : >"$STATE/answer"
  # The token comes through a pipe: command lines and environments can be read by others.
  HTTP_STATUS=$(curl -q --silent --show-error --connect-timeout 5 --max-time 20 --max-filesize 1048576 \
    --header @<(printf 'Authorization: Bearer %s\n' "$TOKEN") --header 'Content-Type: application/json' \
    --data-binary "@$2" --output "$STATE/answer" --write-out '%{http_code}' "$JOB_URL/$1" 2>"$STATE/curl-error") ||
    HTTP_STATUS=000
}

# Why the last call did not do what it should, for people.
server_error() {
  local error
  if [[ $HTTP_STATUS == 000 ]]; then
    curl_error
  elif error=$(jq --exit-status --raw-output '.error | strings' "$STATE/answer" 2>/dev/null); then
    printf '%s' "${error:0:300}"
  else
    printf 'status %s, and an answer that is not its own' "$HTTP_STATUS"
  fi
}

curl_error() {
  local error
  error=$(tail --lines=1 "$STATE/curl-error")
  printf '%s' "${error#curl: }"
}

# Prints the arguments after the first with the first between them.
join() {
  local separator=$1 first=${2-}
  shift "$(($# < 2 ? $# : 2))"
  printf '%s' "$first" "${@/#/$separator}"
}

main
