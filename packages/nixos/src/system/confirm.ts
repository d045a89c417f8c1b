import { type Context, ProviderError, retryUntil } from "@nixops4-providers/provider-sdk";
import { ConnectError, ScriptError, type SshConnection, waitForSsh } from "@nixops4-providers/ssh-client";
import { requireHealthy } from "./health-checks.ts";
import type { Inputs } from "./schema.ts";

const RETRY_PAUSE_SECONDS = 0.5;
/** An attempt in less time would time out, and hide the failure of the last one. */
const SHORTEST_ATTEMPT_MS = 1000;
/** Time reserved for telling the host before its own deadline. */
const MARGIN_MS = 500;

/** A failure that another attempt would not change. */
export class Unconfirmable extends ProviderError {
  override readonly name = "Unconfirmable";
}

/**
 * Logs in over a new connection, runs the health checks, calls `seal`, and returns that connection. Retries until
 * `rollback.confirmTimeoutSeconds` have passed, and then throws the last failure.
 */
export async function confirmHealth(
  inputs: Inputs,
  context: Context,
  seal: (ssh: SshConnection) => Promise<void>,
): Promise<SshConnection> {
  const seconds = inputs.rollback.confirmTimeoutSeconds;
  const deadline = performance.now() + seconds * 1000 - MARGIN_MS;
  const attempt = async () => {
    const timeoutSeconds = Math.max(0.5, (deadline - performance.now()) / 1000);
    const ssh = await waitForSsh(inputs.connection, context, { timeoutSeconds });
    try {
      await requireHealthy(ssh, inputs, deadline, context);
      await seal(ssh);
      return ssh;
    } catch (error) {
      ssh.end();
      throw error;
    }
  };
  try {
    return await retryUntil(attempt, {
      deadline: deadline - SHORTEST_ATTEMPT_MS,
      pause: RETRY_PAUSE_SECONDS,
      signal: context.signal,
      mayPass: (error) => !isFinal(error),
    });
  } catch (cause) {
    context.signal.throwIfAborted();
    throw new ProviderError(`it was not confirmed within ${seconds} s`, { cause });
  }
}

function isFinal(error: unknown): boolean {
  // The host key does not change between attempts.
  return (
    error instanceof Unconfirmable ||
    (error instanceof ScriptError && error.reason === "exit-code") ||
    (error instanceof ConnectError && error.reason === "host-key")
  );
}
