import { retryUntil, type Context } from "@nixops4-providers/provider-sdk";
import { ConnectError } from "./connect-error.ts";
import type { ConnectionSettings } from "./connection-schema.ts";

import { prepareRoute } from "./endpoint.ts";
import type { Link } from "./link.ts";
import { endLinks, openRoute } from "./route.ts";
import { SshConnection } from "./ssh-connection.ts";

/** For how many seconds, and with which pauses, a host with too many connections is tried again. */
const DROPPED_SECONDS = 30;
const DROPPED_PAUSE_SECONDS = 0.5;

/**
 * Connects to a host, through its jump hosts, and logs in. Each host must present one of its pinned keys before the login.
 * Throws a {@link ConnectError}, or a `ProviderError` when the private key cannot be used. The caller must call `end` on
 * the connection.
 */
export async function connect(connection: ConnectionSettings, context: Context): Promise<SshConnection> {
  const endpoints = await prepareRoute(connection, context);
  const links: Link[] = [];
  const attempt = async () => {
    await openRoute(endpoints, links, context.signal);
    return new SshConnection(links, context.signal);
  };
  try {
    return await retryUntil(attempt, {
      deadline: performance.now() + DROPPED_SECONDS * 1000,
      // Random, so that clients that were refused at the same time do not all return at once.
      pause: () => DROPPED_PAUSE_SECONDS * (0.5 + Math.random()),
      signal: context.signal,
      mayPass: (error) => error instanceof ConnectError && error.reason === "dropped",
    });
  } catch (error) {
    endLinks(links);
    throw withAdviceToWait(error);
  }
}

/** Adds the hint to use `ssh.wait`, which would not help a caller that waits already. */
function withAdviceToWait(error: unknown): unknown {
  if (!(error instanceof ConnectError) || error.reason !== "unreachable") return error;
  const hint = `${error.hint ?? ""} To wait for a host, use \`ssh.wait\`.`.trimStart();
  return new ConnectError(error.reason, error.message, { cause: error.cause, hint });
}

/** Connects, calls a function with the connection, and ends it in any case. */
export async function withConnection<T>(
  connection: ConnectionSettings,
  context: Context,
  work: (ssh: SshConnection) => Promise<T>,
): Promise<T> {
  const ssh = await connect(connection, context);
  try {
    return await work(ssh);
  } finally {
    ssh.end();
  }
}
