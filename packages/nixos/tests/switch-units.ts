/** What happens to units of the test's own while a system is activated. */
export interface SwitchedUnits {
  /** Their contents by name. */
  units: Record<string, string>;
  start?: string[];
  reload?: string[];
  /** Users for whom the part of the activation that is theirs fails. */
  failingUsers?: string[];
}

/**
 * Shell code that handles units as switch-to-configuration of NixOS does, and ends with its exit code: forgets what
 * had failed, reads units again, starts and reloads, and then lists what has failed or is to be started again.
 */
export function switchUnits({ units, start = [], reload = [], failingUsers = [] }: SwitchedUnits): string {
  const files = Object.entries(units).map(
    ([name, contents]) => `cat >/run/systemd/system/${name} <<'END'\n${contents}END`,
  );
  return `${files.join("\n")}
exit_code=0
systemctl reset-failed
systemctl daemon-reload
# The real program starts itself again as that user.
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

/** Takes the units of tests away. */
export const FORGET_UNITS =
  "systemctl stop 'exit4-*'; rm -f /run/systemd/system/exit4-*; systemctl daemon-reload; systemctl reset-failed";
