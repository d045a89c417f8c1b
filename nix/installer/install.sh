#!/usr/bin/env bash
# Installs NixOS on this machine. Reads its job from the overlay of a network boot, claims it, wipes the disks of the
# job, installs the system, and reports until the boot service has acknowledged the result.
# docs/protocols/installer.md describes the network protocol, docs/protocols/install-job.md the files of the overlay.
#
# Needs bash 5, coreutils, diffutils, findutils, grep, gzip, sed, util-linux 2.37, curl, jq, nix 2.8 and nixos-install, for ZFS
# zpool, and runs as root. Images that are not NixOS, and tests, can set:
#   NIXOPS4_JOB              the folder of the job; /nixops4
#   NIXOPS4_STATE            a folder that is empty after a reboot; /run/nixops4-installer
#   NIXOPS4_NIXOS_INSTALL    the command for nixos-install; nixos-install
#   NIXOPS4_FACTER           the command for nixos-facter; nixos-facter
#   NIXOPS4_REBOOT           the command that restarts the machine; reboot
#   NIXOPS4_DISK_TYPES       the lsblk types of disks that may be installed to; disk
#   NIXOPS4_NETWORK_SECONDS  how many seconds to wait for the boot service; 3600
#
# Exits with 0 after it has restarted the machine, and with 1 after a failure, which is on the console and reported if
# possible. If it is killed, it can be started again in the same boot.
# shellcheck disable=SC2317 # Functions are called by traps and by `run`.
set -euo pipefail

# Marks all processes of a run, so that they can be found after the run was killed.
if [[ -z ${NIXOPS4_INSTALLER-} ]]; then
  NIXOPS4_INSTALLER=$$ exec "$BASH" "$0" "$@"
fi

export LC_ALL=C HOME="${HOME:-/root}"
readonly JOB=${NIXOPS4_JOB:-/nixops4}
readonly STATE=${NIXOPS4_STATE:-/run/nixops4-installer}
PARTS=$(dirname "${BASH_SOURCE[0]}")
readonly PARTS
readonly NIXOS_INSTALL=${NIXOPS4_NIXOS_INSTALL:-nixos-install}
readonly FACTER=${NIXOPS4_FACTER:-nixos-facter}
readonly REBOOT=${NIXOPS4_REBOOT:-reboot}
readonly DISK_TYPES=${NIXOPS4_DISK_TYPES:-disk}
readonly NETWORK_SECONDS=${NIXOPS4_NETWORK_SECONDS:-3600}
readonly LOG=$STATE/log
readonly HOST_KEY=ssh_host_ed25519_key

readonly MIN_SECRET=4 # Shorter ones would garble what is said.
readonly HARDWARE_SECONDS=300
readonly HEARTBEAT_SECONDS=10
readonly MAX_PAUSE_SECONDS=30
readonly RESULT_SECONDS=$((24 * 3600))
readonly MAX_LINE=400
readonly MAX_LOG_LINES=50 # The boot service keeps no more.

# shellcheck source=job.sh
source "$PARTS/job.sh"
# shellcheck source=disks.sh
source "$PARTS/disks.sh"
# shellcheck source=hardware.sh
source "$PARTS/hardware.sh"
# shellcheck source=store.sh
source "$PARTS/store.sh"
# shellcheck source=steps.sh
source "$PARTS/steps.sh"
# shellcheck source=reports.sh
source "$PARTS/reports.sh"

STAGE=job MESSAGE='' PERCENT=''
SAMPLED='' CLAIMED='' ENDED='' FAILED_AT=''
SECRETS=()
LOG_LINES=0 SENT_LINES=0 LAST_REPORT=0 LAST_PERCENT=''
HTTP_STATUS=000
PATHS=0 COPIED=0

main() {
  prepare
  read_token
  read_job
  wait_for_network
  look_at_hardware
  choose
  fetch
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
  local name
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
  read_secrets
}

read_job() {
  local violations line
  enter_stage job "reading the job"
  violations=$(job_violations) || violations="install.json: cannot be checked"
  # A message that is too long is cut off; the log has them all.
  while IFS= read -r line; do if [[ -n $line ]]; then say "$line"; fi; done <<<"$violations"
  if [[ -n $violations ]]; then fail "the job is not valid: ${violations//$'\n'/; }"; fi
  HOST_NAME=$(job .hostName)
  SYSTEM=$(job .system)
  DISKO_SCRIPT=$(job .diskoScript)
  SUBSTITUTERS=$(job '[.substituters[].url] | join(" ")')
  PUBLIC_KEYS=$(job '[.substituters[].publicKey] | join(" ")')
  HOST_KEY_PATH=$(job .hostKeyPath)
  ROOT=$(job .rootMount)
}

wait_for_network() {
  local url=${JOB_URL%/jobs/*}/healthz started said=-$MAX_PAUSE_SECONDS
  look_at_clock
  started=$NOW
  enter_stage network "waiting for the boot service"
  until curl -q --silent --show-error --fail --connect-timeout 5 --max-time 10 \
    --output /dev/null "$url" 2>"$STATE/curl-error"; do
    look_at_clock
    if ((NOW - started >= NETWORK_SECONDS)); then
      give_up "$url has not answered for $NETWORK_SECONDS s ($(curl_error))"
    fi
    if ((NOW - said >= 10)); then
      said=$NOW
      say "$url does not answer yet, after $((NOW - started)) s of at most $NETWORK_SECONDS s ($(curl_error))"
    fi
    sleep 1
  done
}

choose() {
  local i
  enter_stage check-disk "looking for the disks to install on"
  find_disks
  ALL_DISKS=$(join ', ' "${DISKS[@]}")
  if is_begun; then release_disks; fi
  check_disks
  SAMPLED=yes # Sampling is slow, and done once.
  for i in "${!DISKS[@]}"; do say "installs on ${DISKS[$i]} (${DISK_DESCRIPTIONS[$i]})"; done
}

# Runs before the claim, so that a problem with the binary cache needs no new generation.
fetch() {
  enter_stage fetch "fetching the script that partitions the disk"
  run realise local "$(store_path "$DISKO_SCRIPT")" ||
    fail "the script that partitions the disk cannot be fetched from $SUBSTITUTERS"
  [[ -f $DISKO_SCRIPT && -x $DISKO_SCRIPT ]] || fail "$DISKO_SCRIPT is no executable file"
  say "asking whether the whole system can be fetched"
  run missing_paths "$SYSTEM" || fail "not all of the system can be fetched from $SUBSTITUTERS"
}

claim() {
  enter_stage claim "asking for the permission to install"
  ask_for_claim
  report
}

partition() {
  enter_stage partition "partitioning $ALL_DISKS"
  # The download and the claim may have taken hours.
  check_disks
  printf '%s\n' "$DISK_IDENTITY" >"$STATE/begun.new"
  mv "$STATE/begun.new" "$STATE/begun"
  run env NIXOPS4_DISK="${DISKS[0]}" "$DISKO_SCRIPT" "${DISKS[@]}" || fail "partitioning $ALL_DISKS failed (exit status $?)"
  mountpoint --quiet "$ROOT" || fail "the script that partitions the disk has mounted nothing on $ROOT"
}

copy_system() {
  enter_stage copy "copying the system"
  run realise "local?root=$ROOT" "$SYSTEM" || fail "the system cannot be copied from $SUBSTITUTERS"
}

# Runs before the boot loader is installed, which may copy the host key into a ramdisk with an SSH server.
place_host_key() {
  enter_stage host-key "placing the SSH host key"
  local file=$ROOT$HOST_KEY_PATH
  if ! { mkdir --parents "$(dirname "$file")" &&
    install --mode=600 --owner=0 --group=0 "$JOB/$HOST_KEY" "$file" &&
    install --mode=644 --owner=0 --group=0 "$JOB/$HOST_KEY.pub" "$file.pub"; }; then
    fail "the SSH host key cannot be written to $file"
  fi
}

# nixos-install runs programs of the new system with the PATH of this process. When the new system has other packages
# than the installer, no folder of that PATH exists in it, so its own is added.
install_system() {
  enter_stage install "running nixos-install"
  run env PATH="$PATH:$SYSTEM/sw/bin" "$NIXOS_INSTALL" --root "$ROOT" --system "$SYSTEM" --no-root-passwd --no-channel-copy ||
    fail "nixos-install failed (exit status $?)"
}

finish() {
  enter_stage finish "writing everything to the disk"
  run unmount_root || fail "$ROOT cannot be unmounted, or what is below it not be released"
  MESSAGE="installed $HOST_NAME ($SYSTEM) on $ALL_DISKS"
  say "$MESSAGE"
  conclude installed
  say "the boot service has acknowledged it: restarting"
  restart
}

# --- the end of a run ---

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

# Stops without a report, when the boot service cannot be reached or would refuse it.
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
  local started pause=1
  look_at_clock
  started=$NOW
  until send_report "$1"; do
    case $HTTP_STATUS in
      409) [[ -n $CLAIMED ]] || boot_from_disk "$(server_error)" ;;&
      400 | 403 | 409 | 413) give_up "the boot service refuses the report \"$1\": $(server_error)" ;;
    esac
    look_at_clock
    ((NOW - started < RESULT_SECONDS)) || give_up "nobody has taken the report \"$1\" for $RESULT_SECONDS s"
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

# Kills the steps of an earlier run that was killed and, at the end, those of this run.
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

main
