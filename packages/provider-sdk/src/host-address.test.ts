import { describe, expect, it } from "@jest/globals";
import { bareHost, hostProblem } from "./host-address.ts";

describe("hostProblem", () => {
  it.each([
    "web1",
    "web1.example.org.",
    "192.0.2.1",
    "::1",
    "[::1]",
    "2001:db8::1",
    "fe80::1%eth0",
    "a_b",
    "bücher.example",
  ])("takes %s", (host) => expect(hostProblem(host)).toBeUndefined());

  it.each([
    ["root@192.0.2.1", "set `user` to the rest"],
    ["192.0.2.1:22", "set `port` to the rest"],
    ["[::1]:22", "set `port` to the rest"],
    ["root@[2001:db8::1]:2222", "set `user` and `port` to the rest"],
    ["web1:", "set `port` to the rest"],
  ])("says what else %s has", (host, message) => {
    expect(hostProblem(host)).toBe(`must be a name or an address alone; ${message}`);
  });

  it.each(["", "ssh://web1", "web1/x", "web 1", "[web1]", "@", "[::1", "web1\n"])("refuses %j", (host) =>
    expect(hostProblem(host)).toBe("must be the name or the IP address of a host"),
  );
});

it("bareHost takes the brackets off IPv6 addresses, and nothing off what is none", () => {
  expect(["[::1]", "::1", "[fe80::1%eth0]", "web1", "[web1]"].map(bareHost)).toEqual([
    "::1",
    "::1",
    "fe80::1%eth0",
    "web1",
    "[web1]",
  ]);
});
