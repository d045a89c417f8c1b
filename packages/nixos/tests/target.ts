import { BUSY } from "@nixops4-providers/test-servers";

/** A host on which systems are activated. */
export interface Target {
  /** The input `connection`. */
  connection: Record<string, unknown>;
  /** The options of `nsenter` for its network namespace, if it has its own. */
  network?: string[];
  /** Runs a command in `sh` as root on the host, without the connection, and returns its output. */
  sh(command: string): Promise<string>;
  /** Returns the number of logins so far. */
  logins(): Promise<number>;
  /** Ends the open connections without notice to the other side. */
  dropSessions(): Promise<void>;
  stop(): Promise<void>;
}

export const PROFILE = "/nix/var/nix/profiles/system";

/** The state of a host that an activation changes. */
export interface HostState {
  currentSystem: string;
  profile: string;
  generation: string;
  generations: string;
  /** The default of the boot loader, as recorded by the test systems. */
  bootDefault: string;
}

export async function stateOf(target: Target): Promise<HostState> {
  const printed = await target.sh(
    `readlink -f /run/current-system; readlink -f ${PROFILE}; readlink ${PROFILE};
     cd /nix/var/nix/profiles && echo system-*-link; readlink /boot/default-system`,
  );
  const [currentSystem, profile, generation, generations, bootDefault] = printed.split("\n");
  return {
    currentSystem: currentSystem!,
    profile: profile!,
    generation: generation!,
    generations: generations!,
    bootDefault: bootDefault!,
  };
}

/** Makes the host run a system that is in its store, without the provider. */
export async function reset(target: Target, system: string): Promise<void> {
  const stc = `${system}/bin/switch-to-configuration`;
  await target.sh(
    `if [ "$(readlink -f /run/current-system)" != ${system} ] || [ "$(readlink -f ${PROFILE})" != ${system} ]; then
       nix-env -p ${PROFILE} --set ${system} && ${stc} test && ${stc} boot
     fi
     rm -rf /nix/var/nix/gcroots/nixops4 /run/test-calls`,
  );
}

/** Returns the arguments of all calls of switch-to-configuration since the last reset. */
export async function callsOf(target: Target): Promise<string[]> {
  const calls = await target.sh("cat /run/test-calls 2>/dev/null || true");
  return calls === "" ? [] : calls.split("\n");
}

export async function eventually(
  what: string,
  seconds: number,
  holds: () => Promise<boolean>,
  pauseMs = 100,
): Promise<void> {
  const deadline = Date.now() + seconds * BUSY * 1000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`within ${seconds * BUSY} s it did not come true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
