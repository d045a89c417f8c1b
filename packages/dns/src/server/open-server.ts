import { type Context, ProviderError } from "@nixops4-providers/provider-sdk";
import type { Backend } from "../backends/backend.ts";
import { withPatience } from "../backends/patience.ts";
import type { Name } from "../client/name.ts";
import { openCloudBackend } from "./cloud-servers.ts";
import type { PowerDns, Server } from "./server.ts";

/** Opens a zone on its server. The caller closes it. */
export async function openBackend(
  server: Server,
  zone: Name,
  context: Context,
  { maySplit = true } = {},
): Promise<Backend> {
  return withPatience(await openOnce(server, zone, context, maySplit), context.signal);
}

async function openOnce(server: Server, zone: Name, context: Context, maySplit: boolean): Promise<Backend> {
  if (server.rfc2136 !== undefined) {
    const { openRfc2136 } = await import("./open-rfc2136.ts");
    return openRfc2136(server.rfc2136, zone, context, maySplit);
  }
  if (server.powerdns !== undefined) return openPowerDns(server.powerdns, zone, context);
  const cloud = await openCloudBackend(server, zone, context, maySplit);
  if (cloud === undefined) throw new ProviderError("no server is given");
  return cloud;
}

async function openPowerDns(server: PowerDns, zone: Name, context: Context): Promise<Backend> {
  const [{ PowerDnsBackend }, { lockOf }, api] = await Promise.all([
    import("../backends/powerdns.ts"),
    import("../backends/lock.ts"),
    openPowerDnsApi(server, context),
  ]);
  return new PowerDnsBackend(api, zone, lockOf(server.url, context.signal));
}

/** Opens the part of PowerDNS's API below `/servers/ID`. */
export async function openPowerDnsApi({ url, apiKey, serverId, timeoutSeconds }: PowerDns, context: Context) {
  const { HttpApi } = await import("../backends/http.ts");
  const secret = await context.key(apiKey, "the API key of PowerDNS");
  return new HttpApi({
    baseUrl: `${url.replace(/\/$/, "")}/api/v1/servers/${serverId}`,
    headers: { "X-API-Key": secret },
    secret,
    timeoutSeconds,
    context,
  });
}

/** Finds the longest zone on the server that contains a name; `undefined` when there is none. */
export async function findZone(server: Server, name: Name, context: Context): Promise<Name | undefined> {
  const backend = await openBackend(server, name, context);
  try {
    return await backend.findZone(name);
  } finally {
    await backend.close();
  }
}
