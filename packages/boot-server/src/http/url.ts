import { isIPv6 } from "node:net";

/**
 * The URL of an address and port of this host. A link-local address goes without its zone (`%eth0`): that names a
 * network card of this host, and means nothing to a client (RFC 4007 section 11.2). iPXE then takes the card that it
 * opened last.
 */
export function httpUrl(address: string, port: number): string {
  const host = address.replace(/%.*$/s, "");
  return `http://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}
