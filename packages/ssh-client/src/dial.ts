import type { Duplex } from "node:stream";
import { openTcp, withDeadline } from "@nixops4-providers/provider-sdk";
import type { Client } from "ssh2";
import { ConnectError } from "./connect-error.ts";

import type { Endpoint } from "./endpoint.ts";

/** RFC 4254 section 5.1 */
const ADMINISTRATIVELY_PROHIBITED = 1;

export const UNREACHABLE_HINT = "Check the address, that the host is up and that sshd listens on this port.";

export async function dialTcp(endpoint: Endpoint, signal: AbortSignal): Promise<Duplex> {
  try {
    return await openTcp(endpoint, signal);
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw new ConnectError("unreachable", `cannot connect to ${endpoint.label}`, {
      cause,
      hint: UNREACHABLE_HINT,
    });
  }
}

/** Opens a connection from a jump host to the next host. */
export async function dialThrough(
  hop: { client: Client; label: string },
  { host, port, label, timeoutSeconds }: Endpoint,
  signal: AbortSignal,
): Promise<Duplex> {
  let late = false;
  const connected = new Promise<Duplex>((resolve, reject) => {
    hop.client.forwardOut("127.0.0.1", 0, host, port, (error, channel) => {
      if (error) return reject(error);
      if (late) channel.destroy();
      resolve(channel);
    });
  });
  try {
    return await withDeadline(connected, timeoutSeconds, "no answer", signal);
  } catch (cause) {
    late = true;
    if (signal.aborted) throw cause;
    if ((cause as { reason?: unknown }).reason === ADMINISTRATIVELY_PROHIBITED) {
      throw new ConnectError("protocol", `the jump host ${hop.label} refuses to connect to ${label}`, {
        cause,
        hint: "Its sshd needs `AllowTcpForwarding yes` (or `local`) for this user.",
      });
    }
    throw new ConnectError("unreachable", `cannot connect to ${label} from the jump host ${hop.label}`, {
      cause,
      hint: UNREACHABLE_HINT,
    });
  }
}
