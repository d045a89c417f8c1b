import type { Context } from "@nixops4-providers/provider-sdk";
import type { ConnectionSettings } from "./connection-schema.ts";
import { prepareRoute } from "./endpoint.ts";
import { type Link, openUnverifiedLink } from "./link.ts";
import { endLinks, openRoute } from "./route.ts";
import { SshConnection } from "./ssh-connection.ts";

/**
 * Connects to a host without checking its host key, which is in `hostPublicKey`. Use it only to read data that can be
 * verified by other means: do not trust its answers, and send no secrets. The login reveals no secret, since it signs a
 * challenge that is bound to this session. Jump hosts must present pinned keys. Throws the errors of `connect`; the caller
 * must call `end`.
 */
export async function connectToUnverifiedHost(
  connection: ConnectionSettings,
  context: Context,
): Promise<SshConnection> {
  const endpoints = await prepareRoute(connection, context);
  const links: Link[] = [];
  try {
    await openRoute(endpoints.slice(0, -1), links, context.signal);
    links.push(await openUnverifiedLink(endpoints.at(-1)!, links.at(-1), context.signal));
    return new SshConnection(links, context.signal);
  } catch (error) {
    endLinks(links);
    throw error;
  }
}
