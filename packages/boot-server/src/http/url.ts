import { isIPv6 } from "node:net";

/**
 * Returns the URL of an address and port of this host. Removes the zone (`%eth0`) of a link-local address: it names a
 * network card of this host, and has no meaning for a client (RFC 4007 section 11.2). Without it, iPXE uses the card that
 * it opened last.
 */
export function httpUrl(address: string, port: number): string {
  const host = address.replace(/%.*$/s, "");
  return `http://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}
