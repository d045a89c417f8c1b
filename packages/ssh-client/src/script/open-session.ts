import { ProviderError, retryUntil, withDeadline } from "@nixops4-providers/provider-sdk";
import type { ClientChannel } from "ssh2";

import type { Link } from "../link.ts";

const PAUSE_SECONDS = { first: 0.05, longest: 1 };

/**
 * Starts a command and passes its channel to `take` at once, since an exit code in the same packet is emitted only once.
 * When sshd has reached MaxSessions, tries again until a session has ended: a session ends a little later than its channel.
 */
export async function openSession<T>(
  link: Link,
  command: string,
  signal: AbortSignal,
  take: (channel: ClientChannel) => T,
): Promise<T> {
  const { label, timeoutSeconds } = link.endpoint;
  const isRefused = (error: unknown) =>
    (error as { reason?: unknown }).reason !== undefined && link.lost === undefined;
  try {
    return await retryUntil(() => openOnce(link, command, take), {
      deadline: performance.now() + timeoutSeconds * 1000,
      pause: PAUSE_SECONDS,
      signal,
      mayPass: isRefused,
    });
  } catch (cause) {
    signal.throwIfAborted();
    throw new ProviderError(`cannot start a command on ${label}`, {
      cause: link.lost ?? cause,
      ...(isRefused(cause) ? { hint: "sshd may allow too few sessions a connection (MaxSessions)." } : {}),
    });
  }
}

async function openOnce<T>(link: Link, command: string, take: (channel: ClientChannel) => T): Promise<T> {
  let late = false;
  const opened = new Promise<T>((resolve, reject) => {
    link.client.exec(command, (error, channel) => {
      if (error) return reject(error);
      if (late) channel.close();
      else resolve(take(channel));
    });
  });
  try {
    return await withDeadline(opened, link.endpoint.timeoutSeconds, "no answer");
  } catch (error) {
    late = true;
    throw error;
  }
}
