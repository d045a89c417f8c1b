import { bareHost, type Context } from "@nixops4-providers/provider-sdk";
import type { PublicKey } from "@nixops4-providers/ssh-keys";
import type { ConnectionSettings } from "./connection-schema.ts";
import { parseHostKey } from "./known-hosts.ts";
import { loadLogin, type Login } from "./login.ts";

/** A host with all that is needed to connect to it. */
export interface Endpoint {
  host: string;
  port: number;
  user: string;
  /** For messages, such as `web1:22`. */
  label: string;
  pins: PublicKey[];
  login: Login;
  timeoutSeconds: number;
}

/** Returns the jump hosts and then the host itself. Reads all keys, so that errors in them come before any connection. */
export async function prepareRoute(connection: ConnectionSettings, context: Context): Promise<Endpoint[]> {
  const endpoints: Endpoint[] = [];
  for (const hop of [...connection.jump, connection]) {
    const host = bareHost(hop.host);
    const label = formatLabel(host, hop.port);
    endpoints.push({
      host,
      port: hop.port,
      user: hop.user,
      label,
      pins: hop.hostPublicKeys.map(parseHostKey),
      login: await loadLogin(hop, `${hop.user}@${label}`, context),
      timeoutSeconds: connection.connectTimeoutSeconds,
    });
  }
  return endpoints;
}

function formatLabel(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
