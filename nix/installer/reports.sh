# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153,SC2154 # The parts of the installer share their variables.
# Messages and reports.

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

# Reports the progress. A report that fails does not stop the install.
report() {
  if [[ -n $CLAIMED ]]; then send_report '' || true; fi
}

# $1: the outcome, or nothing. True once it is acknowledged.
send_report() {
  local count=$LOG_LINES
  look_at_clock
  LAST_REPORT=$NOW LAST_PERCENT=$PERCENT
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

# A proxy may answer 200 to every request, so the body is checked, too.
is_grant() {
  jq --exit-status --slurp --argjson generation "$GENERATION" \
    'length == 1 and (.[0] | type == "object" and .generation == $generation and (.attempt | type == "number" and . >= 1))' \
    "$STATE/answer" >/dev/null 2>&1
}

# Sends the file $2, with the content type $3 or as JSON. Sets HTTP_STATUS, or 000 without a complete answer. The answer
# is written to $STATE/answer.
post() {
  : >"$STATE/answer"
  # The token comes through a pipe: command lines and environments can be read by others.
  HTTP_STATUS=$(curl -q --silent --show-error --connect-timeout 5 --max-time 20 --max-filesize 1048576 \
    --header @<(printf 'Authorization: Bearer %s\n' "$TOKEN") --header "Content-Type: ${3:-application/json}" \
    --data-binary "@$2" --output "$STATE/answer" --write-out '%{http_code}' "$JOB_URL/$1" 2>"$STATE/curl-error") ||
    HTTP_STATUS=000
}

# Prints why the last call failed.
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

# Prints the arguments after the first one, joined by the first one.
join() {
  local separator=$1 first=${2-}
  shift "$(($# < 2 ? $# : 2))"
  printf '%s' "$first" "${@/#/$separator}"
}
