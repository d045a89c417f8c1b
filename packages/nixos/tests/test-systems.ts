import { buildTestSystem } from "@nixops4-providers/test-servers";

export interface TestSystem {
  name: string;
  /** Shell code that runs in the action `test`, before the system becomes the current one. */
  onTest?: string;
  /** Shell code that runs in the action `test`, after the system became the current one. */
  afterTest?: string;
  onBoot?: string;
  kernel?: string;
  /** The value of NixOS's `system.switch.inhibitors`. */
  inhibitors?: Record<string, string>;
}

/** Compares the `switch-inhibitors` files of two systems. NixOS's own check does the same with jq. */
const COMPARE_INHIBITORS = `
  let
    read = file: if builtins.pathExists file then builtins.fromJSON (builtins.readFile file) else { };
    old = read /run/current-system/switch-inhibitors;
    new = read (TOPLEVEL + "/switch-inhibitors");
    differs = name: new ? \${name} && new.\${name} != old.\${name};
    show = name: "\${name} : \${old.\${name}} -> \${new.\${name}}";
  in
  builtins.concatStringsSep "\\n" (map show (builtins.filter differs (builtins.attrNames old)))`;

/** The shell code of the check. */
const CHECK_INHIBITORS = `
case $1 in
  boot | dry-activate) echo "Not checking switch inhibitors (action = $1)" ;;
  *)
    changed=$(nix-instantiate --eval --expr "$(printf '%s' '${COMPARE_INHIBITORS}' | sed "s|TOPLEVEL|$system|")") || exit 1
    if [ "$changed" != '""' ]; then
      echo "There are changes to critical components of the system:"
      echo "$changed"
      echo "Pre-switch checks failed"
      exit 1
    fi
    ;;
esac
`;

/** Builds a system that records its calls, and takes the same lock as the real switch-to-configuration. */
export function buildSystem(system: TestSystem): Promise<string> {
  const { name, onTest = "", afterTest = "", onBoot = "", kernel, inhibitors } = system;
  const switchScript = `#!/bin/sh
system=$(dirname "$(dirname "$(readlink -f "$0")")")
echo "$1 ${name}" >>/run/test-calls
mkdir -p /run/nixos
exec 7>/run/nixos/switch-to-configuration.lock
flock -n 7 || { echo "Could not acquire lock"; exit 1; }
if [ "\${NIXOS_NO_CHECK-}" != 1 ]; then
  :
  ${inhibitors === undefined ? "" : CHECK_INHIBITORS}
fi
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
  return buildTestSystem({
    name,
    switchScript,
    ...(kernel === undefined ? {} : { kernel }),
    // NixOS writes this file with `pkgs.writers.writeJSON`, on several lines.
    ...(inhibitors === undefined
      ? {}
      : { extraFiles: { "switch-inhibitors": JSON.stringify(inhibitors, null, 2) } }),
  });
}
