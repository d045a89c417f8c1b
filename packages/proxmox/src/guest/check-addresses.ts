import { isIP, isIPv4, isIPv6 } from "node:net";
import type { Violation } from "@nixops4-providers/provider-sdk";

interface Addresses {
  ipv4?: string | undefined;
  gateway4?: string | undefined;
  ipv6?: string | undefined;
  gateway6?: string | undefined;
}

/** Reports addresses that match the pattern of their input but are invalid, such as `192.0.2.300/24`. */
export function checkAddresses(path: string, { ipv4, gateway4, ipv6, gateway6 }: Addresses): Violation[] {
  const checks: [string, string | undefined, (text: string) => boolean, string][] = [
    [
      "ipv4",
      ipv4,
      (text) => hasPrefix(text, isIPv4, 32),
      "an IPv4 address with a prefix length of at most 32",
    ],
    ["gateway4", gateway4, isIPv4, "an IPv4 address"],
    [
      "ipv6",
      ipv6,
      (text) => hasPrefix(text, isIPv6, 128),
      "an IPv6 address with a prefix length of at most 128",
    ],
    ["gateway6", gateway6, isIPv6, "an IPv6 address"],
  ];
  return checks
    .filter(([, text, isValid]) => text !== undefined && !isValid(text))
    .map(([name, , , kind]) => ({ path: `${path}.${name}`, message: `must be ${kind}` }));
}

/** Reports name servers that are not given by address. `path` is that of the list. */
export function checkNameServers(path: string, nameServers: readonly string[] = []): Violation[] {
  return nameServers.flatMap((text, index) =>
    isIP(text) === 0 ? [{ path: `${path}[${index}]`, message: "must be an IP address" }] : [],
  );
}

/** Also accepts words such as `dhcp`, which have no prefix. */
function hasPrefix(text: string, isAddress: (text: string) => boolean, longest: number): boolean {
  const [address = "", prefix] = text.split("/");
  return prefix === undefined || (isAddress(address) && Number(prefix) <= longest);
}
