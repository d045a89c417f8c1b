import { setTimeout as sleep } from "node:timers/promises";
import { type Context, ProviderError } from "@nixops4-providers/provider-sdk";
import { shellQuote, type SshConnection, waitForSsh } from "@nixops4-providers/ssh-client";
import { REBOOT } from "./remote-scripts.ts";
import type { Inputs } from "./resources/system.ts";
import type { Session } from "./session.ts";

const RETRY_PAUSE_MS = 1000;

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
  await session.ssh.run(shellQuote(["sh", "-c", REBOOT]), { sudo, timeoutSeconds: 20 });
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
    const { stdout } = await ssh.run("cat /proc/sys/kernel/random/boot_id", { timeoutSeconds: 10 });
    return stdout.toString("utf8").trim() !== bootId;
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
