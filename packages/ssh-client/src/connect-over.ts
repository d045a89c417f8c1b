import type { Duplex } from "node:stream";
import type { Context } from "@nixops4-providers/provider-sdk";
import type { ConnectionSettings } from "./connection-schema.ts";
import { prepareRoute } from "./endpoint.ts";
import { openLinkOver } from "./link.ts";
import { SshConnection } from "./ssh-connection.ts";

/**
 * Connects like `connect`, but over a stream to an SSH server instead of the address and the jump hosts, such as an
 * `sshd -i` that was started over another connection. The host key is checked in the same way.
 */
export async function connectOver(
  stream: Duplex,
  connection: ConnectionSettings,
  context: Context,
): Promise<SshConnection> {
  try {
    const [endpoint] = await prepareRoute({ ...connection, jump: [] }, context);
    return new SshConnection([await openLinkOver(stream, endpoint!, context.signal)], context.signal);
  } catch (error) {
    stream.destroy();
    throw error;
  }
}
