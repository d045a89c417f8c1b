import { buildTestSystem } from "@nixops4-providers/test-servers";

export interface TestSystem {
  name: string;
  /** Shell code for the action `test`, before the system becomes the current one. */
  onTest?: string;
  /** After that. */
  afterTest?: string;
  onBoot?: string;
  kernel?: string;
}

/** A system that records how it is called; locks as the real switch-to-configuration does. */
export function buildSystem(system: TestSystem): Promise<string> {
  const { name, onTest = "", afterTest = "", onBoot = "", kernel } = system;
  const switchScript = `#!/bin/sh
system=$(dirname "$(dirname "$(readlink -f "$0")")")
echo "$1 ${name}" >>/run/test-calls
mkdir -p /run/nixos
exec 7>/run/nixos/switch-to-configuration.lock
flock -n 7 || { echo "Could not acquire lock"; exit 1; }
case $1 in
  test)
    echo "activating ${name}"
    ${onTest}
    ln -sfn "$system" /run/current-system
    ${afterTest}
    ;;
  boot)
    ${onBoot}
    ln -sfn "$system" /boot/default-system
    ;;
  switch) ln -sfn "$system" /boot/default-system && ln -sfn "$system" /run/current-system ;;
  dry-activate) echo "would activate ${name}" ;;
esac
`;
  return buildTestSystem({ name, switchScript, ...(kernel === undefined ? {} : { kernel }) });
}
