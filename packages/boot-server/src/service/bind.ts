import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { isIPv6, type Server } from "node:net";
import { dirname } from "node:path";
import { makePrivateFolder } from "@nixops4-providers/durable-log";
import { ProviderError } from "@nixops4-providers/provider-sdk";
import { closedServer, makeSocket } from "../grpc/listen.ts";
import type { Config } from "./config-schema.ts";
import { startPart } from "./start-error.ts";
import type { HandedSockets } from "./systemd.ts";

/** Sockets that are bound before the service changes its user. Those from systemd are not included. */
export interface BoundSockets {
  http?: Server;
  tftp?: Socket;
  grpc?: Server;
  grpcTcp?: Server;
}

/** Binds the addresses, ports and paths, which may need root. Does not accept connections yet. */
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
      await makeSocketFolder(grpc.socket);
      bound.grpc = await makeSocket({ path: grpc.socket, mode: Number.parseInt(grpc.mode, 8) });
    }
    if (grpc.tcp !== undefined) bound.grpcTcp = await bindTcp(grpc.tcp);
  });
  return bound;
}

/** The names of the servers in errors. */
export const partNames = {
  http: ({ http: { address, port } }: Config) => `HTTP on ${address} port ${port}`,
  tftp: ({ tftp: { address, port } }: Config) => `TFTP on ${address} port ${port}`,
  grpc: ({ grpc: { socket, tcp } }: Config, handed: HandedSockets) =>
    [
      `the API on ${handed.grpc === undefined ? socket : "systemd's socket"}`,
      ...(tcp === undefined ? [] : [tcp.address]),
    ].join(" and "),
};

/** Creates the folder of the socket. As root, refuses a folder that another user can change. */
export async function makeSocketFolder(socket: string): Promise<void> {
  const folder = dirname(socket);
  if (process.geteuid?.() !== 0) return void (await mkdir(folder, { recursive: true }));
  await makePrivateFolder(folder, 0o755).catch((cause: unknown) => {
    throw new ProviderError(`cannot create a socket in ${folder}`, {
      cause,
      hint: "Set `grpc.socket` to a path in a folder that only root can write to, or start the service as the owner of the folder.",
    });
  });
}

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
