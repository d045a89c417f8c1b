import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";

/** What the resolver returns: the addresses of the system are not known. */
let resolved: string[] = [];
const lookup = async (host: string) => {
  if (host !== "web1") throw new Error(`unexpected name ${host}`);
  return resolved.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
};
jest.unstable_mockModule("node:dns/promises", () => ({ lookup }));
const { addressesOf, openTcp } = await import("./open-tcp.ts");

const server = createServer((socket) => socket.end());
const portOf = ({ port }: AddressInfo) => port;
let port: number;
beforeAll(async () => {
  server.listen(0, "::1");
  await once(server, "listening");
  port = portOf(server.address() as AddressInfo);
});
afterAll(() => void server.close());

function open(host: string, signal = new AbortController().signal) {
  return openTcp({ host, port, timeoutSeconds: 5 }, signal);
}

describe("addressesOf", () => {
  it.each([
    ["192.0.2.1", ["192.0.2.1"]],
    ["[::1]", ["::1"]],
    ["2001:db8::1", ["2001:db8::1"]],
  ])("returns the address %s as it is", async (host, addresses) => {
    expect(await addressesOf(host)).toEqual(addresses);
  });

  it.each([
    [[], []],
    [["192.0.2.1"], ["192.0.2.1"]],
    [
      ["fd00::1", "fd00::2", "fd00::3", "192.0.2.1", "192.0.2.2"],
      ["fd00::1", "192.0.2.1", "fd00::2", "192.0.2.2", "fd00::3"],
    ],
    [
      ["192.0.2.1", "fd00::1", "fd00::2"],
      ["192.0.2.1", "fd00::1", "fd00::2"],
    ],
  ])("takes the families of %j in turns", async (addresses, inTurns) => {
    resolved = addresses;
    expect(await addressesOf("web1")).toEqual(inTurns);
  });
});

describe("openTcp", () => {
  it.each([
    ["::1", []],
    ["[::1]", []],
    ["web1", ["::1"]],
    ["web1", ["127.0.0.1", "::1"]],
    ["web1", ["::1", "127.0.0.1"]],
    ["web1", ["127.0.0.1", "127.0.0.2", "::1", "127.0.0.3"]],
  ])("connects to %s, of which %j are the addresses", async (host, addresses) => {
    resolved = addresses;
    const socket = await open(host);
    expect(socket.remoteAddress).toBe("::1");
    socket.destroy();
  });

  it("says of each address why it failed", async () => {
    resolved = ["127.0.0.1", "127.0.0.2"];
    await expect(open("web1")).rejects.toThrow(
      `connect ECONNREFUSED 127.0.0.1:${port}; connect ECONNREFUSED 127.0.0.2:${port}`,
    );
  });

  it("throws the reason of a signal that is already aborted", async () => {
    await expect(open("::1", AbortSignal.abort(new Error("by the test")))).rejects.toThrow("by the test");
  });
});
