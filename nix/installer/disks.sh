# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # The parts of the installer share their variables.
# Selects the disks of the job, and checks whether they may be wiped.

readonly BY_ID=/dev/disk/by-id
readonly MIB=$((1024 * 1024))
# A disk of at most this size is read whole, a larger one in samples.
readonly READ_WHOLE_BYTES=$((256 * MIB))
readonly SAMPLES=500

# Sets these variables for the disks of the job, in its order: DISKS (the arguments of the partitioning script),
# DISK_PATHS (the kernel's names), DISK_DESCRIPTIONS and ALLOW_WIPE. Also sets DISK_IDENTITY, for all disks together.
find_disks() {
  local choice problems line
  choice=$(list_disks | choose_disks)
  jq --raw-output '.found[]' <<<"$choice" >"$STATE/disks"
  while IFS= read -r line; do say "$line"; done <"$STATE/disks"
  problems=$(jq --raw-output '.problems | join("; ")' <<<"$choice")
  if [[ -n $problems ]]; then fail "$problems"; fi
  mapfile -t DISKS < <(jq --raw-output '.chosen[].device' <<<"$choice")
  mapfile -t DISK_PATHS < <(jq --raw-output '.chosen[].path' <<<"$choice")
  mapfile -t DISK_DESCRIPTIONS < <(jq --raw-output '.chosen[].description' <<<"$choice")
  mapfile -t ALLOW_WIPE < <(jq --raw-output '.chosen[].allowWipe' <<<"$choice")
  DISK_IDENTITY="$BOOT_ID $GENERATION $(jq --raw-output '[.chosen[] | "\(.path) \(.size) \(.serial)"] | join(" ")' <<<"$choice")"
}

# Prints all disks as JSON.
list_disks() {
  lsblk --json --bytes --nodeps --output KNAME,PATH,TYPE,SIZE,SERIAL,MODEL,RO,RM,TRAN |
    jq --arg types "$DISK_TYPES" --arg folder "$BY_ID/" --rawfile links <(list_links) --rawfile serials <(list_serials) '
      def table: split("\n") | map(select(. != "") | split("\t"));
      def text: if type == "string" then gsub("[[:cntrl:]]"; " ") | gsub("\\A\\s+|\\s+\\z"; "") else "" end;
      def is_set: . == true or . == "1";

      ($links | table) as $links
      | ($serials | table) as $serials
      | [ .blockdevices[]
        | select(.type as $type | $types | split(" ") | index($type))
        | select(.kname | test("^(zram|ram|fd|mmcblk[0-9]+(boot|rpmb))") | not)
        | .size |= tonumber
        | select((.ro | is_set | not) and .size > 0)
        | .path as $path | .kname as $kname
        | .removable = ((.rm | is_set) or .tran == "usb")
        | .ids = [$links[] | select(.[0] == $path)[1]]
        | .serial = ([.serial, ($serials[] | select(.[0] == $kname)[1])] | map(text) | map(select(. != "")) | first // "")
        | .description = ([
            "\(.size) bytes",
            (if .serial == "" then "no serial" else "serial \(.serial)" end),
            (.model | text | select(. != "")),
            (.ids[0] // empty | ltrimstr($folder))
          ] | join(", "))
      ] | sort_by(.path)'
}

# Reads all disks, and prints the disks of the job in its order, or the errors.
choose_disks() {
  jq --slurpfile job "$JOB/install.json" --arg folder "$BY_ID/" --rawfile paths <(list_paths) '
    def text: gsub("\\A\\s+|\\s+\\z"; "");
    def id: if .byId == null then null else $folder + (.byId | ltrimstr($folder)) end;
    # The reasons why a disk is not the wanted one.
    def mismatches($paths; $want): [
      (if $want.byId != null and (.ids | index($want | id) | not) then "its id is not \($want.byId)" else empty end),
      (if $want.serial != null and .serial != ($want.serial | text) then "its serial is not \($want.serial)" else empty end),
      (if $want.path != null and .path != $paths[$want.path] then "it is not \($want.path)" else empty end),
      (if $want.minBytes != null and .size < $want.minBytes then "it has less than \($want.minBytes) bytes" else empty end),
      (if $want.maxBytes != null and .size > $want.maxBytes then "it has more than \($want.maxBytes) bytes" else empty end),
      (if .removable and $want.byId == null and $want.serial == null
        then "it is removable, which only byId or serial can ask for" else empty end)
    ];
    def is_told: .byId != null or .serial != null or .path != null;
    def shown: "\(.path) (\(.description))";
    def listed: map(shown) | if . == [] then "none" else join("; ") end;
    def criteria:
      to_entries | map(select(.value != null and (.key | IN("name", "allowWipe") | not)) | "\(.key) \(.value)") | join(", ");

    ($paths | split("\n") | map(select(. != "") | split("\t") | {(.[0]): .[1]}) | add // {}) as $paths
    | $job[0].disks as $wanted
    # Only messages about a job with several disks need their names.
    | def named($before; $name; $after): if ($wanted | length) == 1 then "" else $before + $name + $after end;
    . as $disks
    | [$wanted[] | . as $want | {$want, matches: [$disks[] | select(mismatches($paths; $want) == [])]}]
    # An entry with a size as its only criterion does not match the disks that other entries select.
    | [.[] | select(.want | is_told) | .matches | select(length == 1) | .[].path] as $taken
    | map(if .want | is_told then . else .matches |= map(select(.path | IN($taken[]) | not)) end)
    | . as $rows
    | {
        found: [
          $disks[] | . as $disk | "found \(shown): " + ([
            $rows[].want | . as $want | named(""; .name; ": ")
              + ($disk | mismatches($paths; $want) | if . == [] then "matches" else join(", ") end)
          ] | join("; "))
        ],
        problems: [
          (
            $rows[] | "what the job asks for\(named(" as "; .want.name; "")) (\(.want | criteria))" as $asked | .matches
            | if length == 0 then "no disk is \($asked); there is \($disks | listed)"
              elif length > 1 then "\(length) disks are \($asked), and it has to be one: \(listed)"
              else empty end
          ),
          (
            [$rows[] | select(.matches | length == 1) | {name: .want.name, disk: .matches[0]}]
            | group_by(.disk.path)[] | select(length > 1)
            | "\(.[0].disk | shown) is what the job asks for as each of \(map(.name) | join(", "))"
          )
        ],
        chosen: [
          $rows[] | .want as $want | .matches[0] // empty
          | .device = (($want | id) // $want.path // .ids[0] // .path) | .allowWipe = $want.allowWipe
        ]
      }'
}

list_links() {
  local link
  for link in "$BY_ID"/*; do
    if [[ -b $link ]]; then printf '%s\t%s\n' "$(readlink --canonicalize "$link")" "$link"; fi
  done
}

# Prints the paths in the job, each with the kernel name of its disk.
list_paths() {
  local path
  while IFS= read -r path; do
    printf '%s\t%s\n' "$path" "$(readlink --canonicalize "$path")"
  done < <(job '.disks[].path | strings')
}

# Prints the serial numbers from udev, for systems in which lsblk does not know them.
list_serials() {
  local file kname
  for file in /sys/block/*/serial /sys/block/*/device/serial; do
    [[ -r $file ]] || continue
    kname=${file#/sys/block/}
    printf '%s\t%s\n' "${kname%%/*}" "$(tr --delete '\0\n' <"$file")"
  done
}

# Succeeds if this boot has begun to install on the disks, so that the data on them is the installer's own.
is_begun() {
  [[ -f $STATE/begun && $(<"$STATE/begun") == "$DISK_IDENTITY" ]]
}

# Releases the mounts of a run that was killed.
release_disks() {
  say "continues on $ALL_DISKS, where an earlier run of this boot was cut off"
  release_root || fail "$ROOT, or what is below it, which an earlier run uses, cannot be released"
}

release_swap() {
  local path device
  for path in "${DISK_PATHS[@]}"; do
    while IFS= read -r device; do
      swapoff "$device" || return 1
    done < <(disk_tree "$path" | jq --raw-output 'select(.mountpoints | index("[SWAP]")) | .path')
  done
}

# The installed system would refuse a pool that was not exported.
export_pools() {
  ! command -v zpool >/dev/null || zpool export -a
}

# Fails unless all disks may be wiped.
check_disks() {
  local i
  PROBLEMS=()
  if mountpoint --quiet "$ROOT"; then fail "something is mounted on $ROOT already"; fi
  for i in "${!DISKS[@]}"; do check_disk "$i"; done
  if ((${#PROBLEMS[@]} > 0)); then fail "$(join '; ' "${PROBLEMS[@]}")"; fi
}

# Adds the problems of the disk with this number to PROBLEMS.
check_disk() {
  local disk="${DISKS[$1]} (${DISK_DESCRIPTIONS[$1]})" path=${DISK_PATHS[$1]} used others data
  if ! used=$(uses_of "$path") || ! others=$(other_disks "$path"); then
    PROBLEMS+=("$disk cannot be looked at")
    return
  fi
  if [[ -n $used ]]; then PROBLEMS+=("$disk is in use: $used"); fi
  if [[ -n $others ]]; then PROBLEMS+=("$disk belongs together with disks that the job does not name: $others"); fi
  if [[ -n $used$others ]] || is_begun; then return; fi
  if ! data=$(data_on_disk "$path"); then
    PROBLEMS+=("$disk cannot be read, so nobody knows what is on it")
  elif [[ -z $data ]]; then
    return
  elif [[ ${ALLOW_WIPE[$1]} == true ]]; then
    say "wipes what is on ${DISKS[$1]}, as the job allows: $data"
  else
    PROBLEMS+=("$disk is not empty ($data), and the job does not allow to wipe it")
  fi
}

# Prints the disk, its partitions and its volumes, one JSON object each.
disk_tree() {
  lsblk --json --output PATH,TYPE,MOUNTPOINTS "$1" |
    jq --compact-output '.blockdevices[] | recurse(.children[]?) | .mountpoints |= map(select(. != null))'
}

# Prints the mount points of the disk and its partitions and volumes.
uses_of() {
  disk_tree "$1" | jq --raw-output --slurp 'map(.path as $path | .mountpoints[] | "\($path) (\(.))") | unique | join(", ")'
}

# Prints the other disks of arrays and volumes on this disk, if the job does not name them.
other_disks() {
  local device devices others=()
  mapfile -t devices < <(disk_tree "$1" | jq --raw-output --arg disk "$1" 'select(.path != $disk and .type != "part") | .path')
  for device in "${devices[@]}"; do
    lsblk --json --inverse --output PATH,TYPE "$device" |
      jq --raw-output --arg types "$DISK_TYPES" --arg device "$device" '
        .blockdevices[] | recurse(.children[]?)
        | select(.type as $type | $types | split(" ") | index($type))
        | select(.path as $path | $ARGS.positional | index($path) | not)
        | "\(.path) (\($device))"' --args "${DISK_PATHS[@]}" >"$STATE/others" || return 1
    mapfile -t -O "${#others[@]}" others <"$STATE/others"
  done
  join ', ' "${others[@]}"
}

# Prints the signatures on the disk and its partitions, if any. Fails if they cannot be read.
data_on_disk() {
  local devices device status found=()
  mapfile -t devices < <(disk_tree "$1" | jq --raw-output --arg disk "$1" 'select(.path == $disk or .type == "part") | .path')
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
  if ((${#found[@]} > 0)); then
    join ', ' "${found[@]}"
  elif [[ -z $SAMPLED ]]; then
    data_in_samples "$1"
  fi
}

# Prints the positions of data without a signature, such as encrypted data, a database, or a file system without its first
# blocks. Prints nothing if all samples are blank.
data_in_samples() {
  local size position length status
  size=$(blockdev --getsize64 "$1") || return 1
  while read -r position length; do
    status=0
    is_blank "$1" "$position" "$length" || status=$?
    case $status in
      0) ;;
      1) printf '%s: data of an unknown kind between byte %d and byte %d' "$1" "$position" $((position + length)) && return ;;
      *) return 1 ;;
    esac
  done < <(sample_positions "$size")
}

# Prints positions and lengths.
sample_positions() {
  local size=$1 position step=$((16 * MIB)) i
  if ((size <= READ_WHOLE_BYTES)); then
    for ((position = 0; position < size; position += step)); do
      echo "$position $((size - position < step ? size - position : step))"
    done
    return
  fi
  echo "0 $step"
  echo "$((size - step)) $step"
  # ext4 has copies of its superblock here, on the disk itself and in a partition that started at 1 MiB.
  for i in 1 3 5 7 9 25 27 49; do
    position=$((128 * MIB * i))
    if ((position + 2 * MIB <= size)); then echo "$position $((2 * MIB))"; fi
  done
  for ((i = 1; i < SAMPLES; i++)); do
    echo "$((size * i / SAMPLES / 65536 * 65536)) 65536"
  done
}

# Succeeds if all bytes are 0, or all are 255 (erased flash memory). Fails with 1 if not, with 2 if they cannot be read.
is_blank() {
  local status=0
  cmp --quiet --bytes="$3" --ignore-initial="$2:0" "$1" /dev/zero || status=$?
  ((status == 1)) || return "$status"
  cmp --quiet --bytes="$3" --ignore-initial="$2:0" "$1" <(tr '\0' '\377' </dev/zero)
}

unmount_root() {
  local attempt
  for attempt in {1..10}; do
    sync
    if release_root; then return; fi
    echo "attempt $attempt to unmount $ROOT failed"
    sleep 1
  done
  return 1
}

release_root() {
  while mountpoint --quiet "$ROOT"; do umount --recursive "$ROOT" || return 1; done
  release_swap && export_pools
}
