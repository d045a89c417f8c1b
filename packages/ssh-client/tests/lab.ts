import { describe } from "@jest/globals";
import { BUSY, findSshd, type SshLab } from "@nixops4-providers/test-servers";
import {
  type ConnectionSettings,
  type FiniteScript,
  runScript,
  type ScriptResult,
  type SshConnection,
} from "../src/index.ts";

/** Like `describe`, but skips the suite, with the reason in its name, when OpenSSH's server is not installed. */
export function describeWithSshd(name: string, suite: () => void): void {
  if (findSshd() === undefined)
    describe.skip(`${name} (skipped: sshd was not found, install openssh-server)`, suite);
  else describe(name, suite);
}

/** Returns the settings of a connection to the lab, with the SDK's defaults. */
export function connectionTo(lab: SshLab, changes: Partial<ConnectionSettings> = {}): ConnectionSettings {
  return { ...lab.connection, agent: true, jump: [], connectTimeoutSeconds: 10, ...changes };
}

export async function eventually(holds: () => boolean, seconds = 5): Promise<void> {
  const deadline = Date.now() + seconds * BUSY * 1000;
  while (!holds()) {
    if (Date.now() > deadline)
      throw new Error(`it did not come true within ${seconds * BUSY} s: ${holds.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Runs a script like the providers do. */
export function sh(
  ssh: SshConnection,
  script: string,
  options: Partial<FiniteScript> = {},
): Promise<ScriptResult> {
  return runScript(ssh, { script, timeoutSeconds: 20, doing: "run the test's script", ...options });
}

/** Runs a script and returns its output. */
export async function printed(ssh: SshConnection, script: string, options: Partial<FiniteScript> = {}) {
  return (await sh(ssh, script, options)).stdout.toString();
}
