/** The test's own units, and what an activation does with them. */
export interface SwitchedUnits {
  /** The contents of unit files, by name. */
  units: Record<string, string>;
  start?: string[];
  reload?: string[];
  /** Users whose part of the activation fails. */
  failingUsers?: string[];
}

/**
 * Returns shell code that handles units like switch-to-configuration of NixOS, with the same exit code. It resets
 * failed units, reloads unit files, reloads and starts units, and then lists the failed and restarting ones.
 */
export function switchUnits({ units, start = [], reload = [], failingUsers = [] }: SwitchedUnits): string {
  const files = Object.entries(units).map(
    ([name, contents]) => `cat >/run/systemd/system/${name} <<'END'\n${contents}END`,
  );
  return `${files.join("\n")}
exit_code=0
systemctl reset-failed
systemctl daemon-reload
# The real program runs itself as that user.
for user in ${failingUsers.join(" ")}; do
  echo "reloading user units for $user..."
  setpriv --reuid "$user" --clear-groups sh -c 'cat /etc/shadow' || {
    echo "warning: user activation for $user failed"
    exit_code=4
  }
done
for unit in ${reload.join(" ")}; do
  systemctl reload "$unit" 2>/dev/null || { echo "Failed to reload $unit"; exit_code=4; }
done
for unit in ${start.join(" ")}; do
  systemctl start "$unit" 2>/dev/null || { echo "Failed to start $unit"; exit_code=4; }
done
sleep 1
failed=
for unit in $(systemctl list-units --plain --no-legend --full --state=failed,auto-restart | cut -d ' ' -f 1); do
  [ "$(systemctl show --property ExecMainStatus --value "$unit")" = 0 ] || failed="$failed\${failed:+, }$unit"
done
if [ -n "$failed" ]; then
  echo "warning: the following units failed: $failed"
  systemctl status --no-pager --full $(echo "$failed" | tr -d ,)
  exit_code=4
fi
exit $exit_code
`;
}

/** Removes the units of tests. */
export const FORGET_UNITS =
  "systemctl stop 'exit4-*'; rm -f /run/systemd/system/exit4-*; systemctl daemon-reload; systemctl reset-failed";
