import type { Context } from "@nixops4-providers/provider-sdk";
import { parsePublicKey, type PublicKey } from "@nixops4-providers/ssh-keys";
import type { Connection, Hop } from "./connection-schema.ts";
import { loadLogin, type Login } from "./login.ts";

/** A host with everything at hand that connecting to it takes. */
export interface Endpoint {
  host: string;
  port: number;
  user: string;
  /** For messages, as `web1:22`. */
  label: string;
  pins: PublicKey[];
  login: Login;
  timeoutSeconds: number;
}

/** The hosts on the way, the one to be reached last. Reads all keys, so that what is wrong with them shows first. */
export async function prepareRoute(connection: Connection, context: Context): Promise<Endpoint[]> {
  const endpoints: Endpoint[] = [];
  for (const hop of [...connection.jump, connection]) {
    const label = formatLabel(hop);
    endpoints.push({
      host: hop.host,
      port: hop.port,
      user: hop.user,
      label,
      pins: hop.hostPublicKeys.map(parsePublicKey),
      login: await loadLogin(hop, `${hop.user}@${label}`, context),
      timeoutSeconds: connection.connectTimeoutSeconds,
    });
  }
  return endpoints;
}

function formatLabel({ host, port }: Hop): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
