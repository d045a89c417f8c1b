import { createServer, type AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { openTcp } from "./open-tcp.ts";

const server = createServer((socket) => socket.end());
beforeAll(() => new Promise<void>((resolve) => server.listen(0, "::1", resolve)));
afterAll(() => void server.close());

it.each(["::1", "[::1]"])("openTcp connects to %s", async (host) => {
  const { port } = server.address() as AddressInfo;
  const socket = await openTcp({ host, port, timeoutSeconds: 5 }, new AbortController().signal);
  expect(socket.remoteAddress).toBe("::1");
  socket.destroy();
});
