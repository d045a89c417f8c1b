import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

export interface TestSystemOptions {
  /** The name in the store path. A different name or different content gives a different store path. */
  name: string;
  /** `bin/switch-to-configuration`, with its `#!` line. Default: a minimal one that succeeds. */
  switchScript?: string;
  /**
   * The contents of the file that `kernel` points to. Each file is a separate store path, so equal contents share a
   * path.
   */
  kernel?: string;
  /** The contents of the file that `initrd` points to. */
  initrd?: string;
  /** The contents of the file that `systemd` points to. */
  systemd?: string;
  kernelParameters?: string[];
  /** `init`, which the machine runs as process 1. Default: sets the links in `/run` and starts the machine's systemd. */
  init?: string;
  /** More files by path. Those in `bin/` are executable. */
  extraFiles?: Record<string, string>;
}

/** A switch-to-configuration that records the boot default and the running system. */
const SWITCH = `#!/bin/sh
set -eu
system=$(dirname "$(dirname "$(readlink -f "$0")")")
case $1 in
  switch | boot) ln -sfn "$system" /boot/default-system ;;
esac
case $1 in
  switch | test) ln -sfn "$system" /run/current-system ;;
esac
echo "$1: $system"
`;

const INIT = `#!/bin/sh
system=$(dirname "$(readlink -f "$0")")
ln -sfn "$system" /run/booted-system
ln -sfn "$system" /run/current-system
exec /sbin/init
`;

/** A derivation that is built by the host's shell, without nixpkgs or network. */
const EXPRESSION = `
{ specFile }:
let
  spec = builtins.fromJSON (builtins.readFile specFile);
  run = name: script: derivation {
    inherit name;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    PATH = "/usr/bin:/bin";
    args = [ "-euc" script ];
  };
  part = name: file: run name "mkdir $out; cp \${builtins.toFile file spec.parts.\${name}} $out/\${file}";
  linux = part "linux" "bzImage";
  initrd = part "initrd" "initrd";
  systemd = part "systemd" "version";
  install = path: content: ''
    mkdir -p "$(dirname "$out/\${path}")"
    cp \${builtins.toFile (baseNameOf path) content} "$out/\${path}"
    case \${path} in init | bin/*) chmod 755 "$out/\${path}" ;; esac
  '';
  files = builtins.attrValues (builtins.mapAttrs install spec.files);
in
run "nixos-system-\${spec.name}" ''
  mkdir $out
  ln -s \${linux}/bzImage $out/kernel
  ln -s \${initrd}/initrd $out/initrd
  ln -s \${systemd} $out/systemd
  \${builtins.concatStringsSep "" files}
''
`;

/**
 * Builds a minimal system that can be activated like NixOS, with the real Nix, and returns its store path. The path is in
 * the host's `/nix/store`, without a garbage collector root. Needs root.
 */
export async function buildTestSystem(options: TestSystemOptions): Promise<string> {
  const { name, kernelParameters = ["quiet"], extraFiles = {} } = options;
  const spec = {
    name,
    parts: {
      linux: options.kernel ?? "a kernel",
      initrd: options.initrd ?? "an initrd",
      systemd: options.systemd ?? "a systemd",
    },
    files: {
      "nixos-version": name,
      "kernel-params": kernelParameters.join(" "),
      init: options.init ?? INIT,
      "bin/switch-to-configuration": options.switchScript ?? SWITCH,
      ...extraFiles,
    },
  };
  const folder = await mkdtemp(join(tmpdir(), "test-system-"));
  try {
    const specFile = join(folder, "spec.json");
    const expression = join(folder, "default.nix");
    await Promise.all([writeFile(specFile, JSON.stringify(spec)), writeFile(expression, EXPRESSION)]);
    const settings = { sandbox: "false", substitute: "false", "build-users-group": "" };
    const options = Object.entries(settings).flatMap(([name, value]) => ["--option", name, value]);
    const args = [expression, "--argstr", "specFile", specFile, "--no-out-link", ...options];
    const { stdout } = await promisify(execFile)("nix-build", args);
    return stdout.trim();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
