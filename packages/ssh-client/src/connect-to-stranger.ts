import type { Context } from "@nixops4-providers/provider-sdk";
import type { Connection } from "./connection-schema.ts";
import { prepareRoute } from "./endpoint.ts";
import { type Link, openLinkToStranger } from "./link.ts";
import { endLinks, openRoute } from "./route.ts";
import { SshConnection } from "./ssh-connection.ts";

/**
 * Connects to whoever answers at the address, whatever host key they present: `hostPublicKey` says which. Only to
 * be used to read what can be checked without trusting them; nothing that they say is true, and nothing secret
 * may be sent. Logging in gives nothing away: it signs a challenge that is bound to this session. The jump hosts
 * must present pinned keys as ever. Throws as `connect` does; the caller must call `end`.
 */
export async function connectToStranger(connection: Connection, context: Context): Promise<SshConnection> {
  const endpoints = await prepareRoute(connection, context);
  const links: Link[] = [];
  try {
    await openRoute(endpoints.slice(0, -1), links, context.signal);
    links.push(await openLinkToStranger(endpoints.at(-1)!, links.at(-1), context.signal));
    return new SshConnection(links, context.signal);
  } catch (error) {
    endLinks(links);
    throw error;
  }
}
