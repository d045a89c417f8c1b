# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # The parts of the installer share their variables.
# Reports the hardware of the machine, for the configuration of its system.

# A failure does not stop the installation.
look_at_hardware() {
  local report=$STATE/hardware.json
  if ! command -v "$FACTER" >/dev/null; then return; fi
  enter_stage hardware "looking at the hardware"
  if ! run timeout "$HARDWARE_SECONDS" "$FACTER" --output "$report"; then
    say "the hardware is not reported: $FACTER failed"
    return
  fi
  # Compact JSON is a smaller report.
  jq --compact-output . "$report" | gzip -9 >"$report.gz" || return 0
  post hardware "$report.gz" application/gzip
  if [[ $HTTP_STATUS != 200 ]]; then say "the boot service does not take the report on the hardware ($(server_error))"; fi
}
