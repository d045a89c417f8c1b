import { expect, it } from "@jest/globals";
import { checkAddresses, checkNameServers } from "./check-addresses.ts";

const lines = (violations: { path: string; message: string }[]) =>
  violations.map(({ path, message }) => `${path}: ${message}`);

it.each([
  [{}, []],
  [{ ipv4: "dhcp", ipv6: "auto" }, []],
  [{ ipv4: "192.0.2.1/32", gateway4: "192.0.2.254", ipv6: "2001:db8::1/128", gateway6: "fe80::1" }, []],
  [{ ipv4: "192.0.2.300/24" }, ["net.ipv4: must be an IPv4 address with a prefix length of at most 32"]],
  [{ ipv4: "192.0.2.1/33" }, ["net.ipv4: must be an IPv4 address with a prefix length of at most 32"]],
  [{ ipv6: "2001:db8::1/129" }, ["net.ipv6: must be an IPv6 address with a prefix length of at most 128"]],
  [{ ipv6: "2001:::1/64" }, ["net.ipv6: must be an IPv6 address with a prefix length of at most 128"]],
  [
    { gateway4: "1.2.3", gateway6: "1:2" },
    ["net.gateway4: must be an IPv4 address", "net.gateway6: must be an IPv6 address"],
  ],
])("%j", (addresses, wanted) => {
  expect(lines(checkAddresses("net", addresses))).toEqual(wanted);
});

it("wants name servers by address", () => {
  expect(lines(checkNameServers("nameServers", ["192.0.2.1", "ns.example.org", "2001:db8::1"]))).toEqual([
    "nameServers[1]: must be an IP address",
  ]);
  expect(checkNameServers("nameServers", undefined)).toEqual([]);
});
