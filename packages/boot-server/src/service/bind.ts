import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { isIPv6, type Server } from "node:net";
import { dirname } from "node:path";
import { closedServer, makeSocket } from "../grpc/listen.ts";
import type { Config } from "./config-schema.ts";
import { startPart } from "./start-error.ts";
import type { HandedSockets } from "./systemd.ts";

/** What is bound before the service becomes another user; what systemd has handed over is not among it. */
export interface BoundSockets {
  http?: Server;
  tftp?: Socket;
  grpc?: Server;
  grpcTcp?: Server;
}

/** Takes the addresses, ports and paths that only root may take; nothing is accepted on them yet. */
export async function bindSockets(config: Config, handed: HandedSockets): Promise<BoundSockets> {
  const { http, tftp, grpc } = config;
  const bound: BoundSockets = {};
  if (handed.http === undefined) {
    bound.http = await startPart(partNames.http(config), "http.port", () => bindTcp(http));
  }
  if (tftp.enable && handed.tftp === undefined) {
    bound.tftp = await startPart(partNames.tftp(config), "tftp.port", () => bindUdp(tftp));
  }
  await startPart(partNames.grpc(config, handed), "grpc", async () => {
    if (handed.grpc === undefined) {
      await mkdir(dirname(grpc.socket), { recursive: true });
      bound.grpc = await makeSocket({ path: grpc.socket, mode: Number.parseInt(grpc.mode, 8) });
    }
    if (grpc.tcp !== undefined) bound.grpcTcp = await bindTcp(grpc.tcp);
  });
  return bound;
}

/** As errors say them. */
export const partNames = {
  http: ({ http: { address, port } }: Config) => `HTTP on ${address} port ${port}`,
  tftp: ({ tftp: { address, port } }: Config) => `TFTP on ${address} port ${port}`,
  grpc: ({ grpc: { socket, tcp } }: Config, handed: HandedSockets) =>
    [
      `the API on ${handed.grpc === undefined ? socket : "systemd's socket"}`,
      ...(tcp === undefined ? [] : [tcp.address]),
    ].join(" and "),
};

async function bindTcp({ address, port }: { address: string; port: number }): Promise<Server> {
  const server = closedServer().listen(port, address);
  await once(server, "listening");
  return server;
}

async function bindUdp({ address, port }: { address: string; port: number }): Promise<Socket> {
  const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
  socket.bind({ address, port });
  await once(socket, "listening");
  return socket;
}
