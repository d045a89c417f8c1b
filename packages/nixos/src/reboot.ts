import { setTimeout as sleep } from "node:timers/promises";
import { type Context, ProviderError } from "@nixops4-providers/provider-sdk";
import { readBootId, runScript, type SshConnection, waitForSsh } from "@nixops4-providers/ssh-client";
import { REBOOT } from "./scripts.ts";
import type { Inputs } from "./resources/system.ts";
import type { Session } from "./session.ts";

const RETRY_PAUSE_MS = 1000;
const BOOT_ID_SECONDS = 10;

/** Reboots the host and waits until it lets us in again. `bootId` is that of now. */
export async function reboot(
  session: Session,
  inputs: Inputs,
  bootId: string,
  context: Context,
): Promise<void> {
  const { connection, rebootTimeoutSeconds, sudo } = inputs;
  const { label } = session.ssh;
  const deadline = performance.now() + rebootTimeoutSeconds * 1000;
  context.log.info(`rebooting ${label}`);
  await runScript(session.ssh, { script: REBOOT, sudo, timeoutSeconds: 20, doing: "start the reboot" });
  for (;;) {
    await sleep(RETRY_PAUSE_MS);
    const timeoutSeconds = (deadline - performance.now()) / 1000;
    if (timeoutSeconds <= 0) throw notRebooted(label, rebootTimeoutSeconds);
    let ssh: SshConnection;
    try {
      ssh = await waitForSsh(connection, context, { timeoutSeconds });
    } catch (cause) {
      if (context.signal.aborted) throw cause;
      throw notRebooted(label, rebootTimeoutSeconds, cause);
    }
    if (await hasOtherBootId(ssh, bootId)) return session.replace(ssh);
    ssh.end();
  }
}

/** `false` also for a host that is going down and does not answer any more. */
async function hasOtherBootId(ssh: SshConnection, bootId: string): Promise<boolean> {
  try {
    const now = await readBootId(ssh, BOOT_ID_SECONDS);
    return now !== null && now !== bootId;
  } catch {
    return false;
  }
}

function notRebooted(label: string, seconds: number, cause?: unknown): ProviderError {
  return new ProviderError(`${label} did not come back from its reboot within ${seconds} s`, {
    cause,
    hint: "The system before this one is still in its boot menu. Look at its console.",
  });
}
