import { type Context, describeError, ProviderError, sleep } from "@nixops4-providers/provider-sdk";
import { runScript, type SshConnection, waitForSsh } from "@nixops4-providers/ssh-client";
import { observe } from "./observe.ts";
import { REBOOT } from "./scripts.ts";
import type { Inputs } from "./schema.ts";
import type { PersistentConnection } from "./persistent-connection.ts";

const RETRY_PAUSE_SECONDS = 1;
const OBSERVE_SECONDS = 10;

/**
 * Reboots the host and waits until it runs a system in its Nix store. `bootId` is the current boot. Waits, too, while the
 * old system still answers, and while an initial ramdisk waits for a passphrase, with whatever host key.
 */
export async function reboot(
  host: PersistentConnection,
  inputs: Inputs,
  bootId: string,
  context: Context,
): Promise<void> {
  const { connection, rebootTimeoutSeconds, sudo } = inputs;
  const { label } = host.ssh;
  const deadline = performance.now() + rebootTimeoutSeconds * 1000;
  context.log.info(`rebooting ${label}`);
  await runScript(host.ssh, { script: REBOOT, sudo, timeoutSeconds: 20, doing: "start the reboot" });
  let last: unknown;
  for (;;) {
    await sleep(RETRY_PAUSE_SECONDS, context.signal);
    const timeoutSeconds = (deadline - performance.now()) / 1000;
    if (timeoutSeconds <= 0) throw notRebooted(label, rebootTimeoutSeconds, last);
    let ssh: SshConnection;
    try {
      ssh = await waitForSsh(connection, context, { timeoutSeconds, reboots: true });
    } catch (cause) {
      if (context.signal.aborted) throw cause;
      throw notRebooted(label, rebootTimeoutSeconds, cause);
    }
    try {
      await requireRebooted(ssh, inputs, bootId);
      return host.replace(ssh);
    } catch (cause) {
      ssh.end();
      if (context.signal.aborted) throw context.signal.reason;
      if (last === undefined) context.log.info(describeError(cause).split("\n")[0]!);
      last = cause;
    }
  }
}

async function requireRebooted(ssh: SshConnection, inputs: Inputs, bootId: string): Promise<void> {
  const seen = await observe(ssh, inputs, { timeoutSeconds: OBSERVE_SECONDS, isValid: true });
  if (seen.bootId === bootId) throw new ProviderError(`${ssh.label} has not rebooted yet`);
  if (seen.bootedSystem === null || seen.currentSystem === null) {
    throw new ProviderError(`${ssh.label} runs no NixOS system yet: it may be in its initial ramdisk`);
  }
}

function notRebooted(label: string, seconds: number, cause?: unknown): ProviderError {
  return new ProviderError(`${label} did not come back from its reboot within ${seconds} s`, {
    cause,
    hint: "Look at its console. Its boot menu still has the former system.",
  });
}
