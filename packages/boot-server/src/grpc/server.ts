import type { AddressInfo, Server as NetServer, Socket } from "node:net";
import {
  Server,
  ServerCredentials,
  type handleClientStreamingCall,
  type handleUnaryCall,
} from "@grpc/grpc-js";
import { bootServiceDefinition } from "@nixops4-providers/boot-api";
import type { BootCore } from "../core/api.ts";
import type { GrpcContext } from "./context.ts";
import {
  acceptOn,
  listenOnDescriptor,
  listenOnTcp,
  makeSocket,
  type SocketOptions,
  type TcpOptions,
} from "./listen.ts";
import { deleteEntry } from "./routes/delete-entry.ts";
import { findMissingAssets } from "./routes/find-missing-assets.ts";
import { getEntry } from "./routes/get-entry.ts";
import { getHardwareReport } from "./routes/get-hardware-report.ts";
import { listEntries } from "./routes/list-entries.ts";
import { putEntry } from "./routes/put-entry.ts";
import { uploadAsset } from "./routes/upload-asset.ts";
import { watchEvents } from "./routes/watch-events.ts";
import { toStatus } from "./status.ts";

export interface GrpcServerOptions {
  core: BootCore;
  /** A new unix socket, or a descriptor or a server that listens already. */
  socket?: SocketOptions | { fd: number } | { server: NetServer } | undefined;
  /** Mutual TLS. */
  tcp?: TcpOptions | undefined;
  /** Returns the URL of the iPXE script for a MAC address. */
  scriptUrl: (mac: string) => string;
  /** Receives messages for the operator. */
  log: (message: string) => void;
}

export interface GrpcServer {
  /** The TCP port, `undefined` without TCP. */
  port: number | undefined;
  /** Stops accepting calls, ends watchers, and cancels the calls that are still running after `graceSeconds`. */
  stop(options: { graceSeconds: number }): Promise<void>;
}

const options = {
  // An entry includes the contents of its files.
  "grpc.max_receive_message_length": 16 * 1024 * 1024,
  "grpc.max_concurrent_streams": 128,
  "grpc.keepalive_time_ms": 60_000,
  "grpc.keepalive_timeout_ms": 20_000,
};

/** Starts the gRPC server on a unix socket, on TCP with mutual TLS, or on both. */
export async function startGrpcServer({
  core,
  socket,
  tcp,
  scriptUrl,
  log,
}: GrpcServerOptions): Promise<GrpcServer> {
  const stopping = new AbortController();
  const server = createServer({ core, scriptUrl, log, stopping: stopping.signal });
  // This module listens and does TLS itself: grpc-js cannot take a descriptor, set the mode of a socket, or report the
  // clients that it refused.
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const onConnection = (connection: Socket) => injector.injectConnection(connection);
  const listeners: NetServer[] = [];
  try {
    if (socket !== undefined) {
      listeners.push(
        "fd" in socket
          ? await listenOnDescriptor(socket.fd, onConnection, log)
          : acceptOn("server" in socket ? socket.server : await makeSocket(socket), onConnection, log),
      );
    }
    if (tcp !== undefined) listeners.push(await listenOnTcp(tcp, onConnection, log));
  } catch (error) {
    for (const listener of listeners) listener.close();
    throw error;
  }
  return {
    port: tcp && (listeners.at(-1)!.address() as AddressInfo).port,
    async stop({ graceSeconds }) {
      for (const listener of listeners) listener.close();
      stopping.abort();
      const force = setTimeout(() => server.forceShutdown(), graceSeconds * 1000);
      await new Promise<void>((resolve) => {
        server.tryShutdown(() => resolve());
      });
      clearTimeout(force);
    },
  };
}

function createServer(context: GrpcContext): Server {
  const server = new Server(options);
  server.addService(bootServiceDefinition, {
    putEntry: unary(context, putEntry),
    getEntry: unary(context, getEntry),
    getHardwareReport: unary(context, getHardwareReport),
    listEntries: unary(context, listEntries),
    deleteEntry: unary(context, deleteEntry),
    findMissingAssets: unary(context, findMissingAssets),
    uploadAsset: clientStreaming(context, uploadAsset),
    watchEvents: watchEvents.bind(undefined, context),
  });
  return server;
}

function unary<Request, Response>(
  context: GrpcContext,
  route: (context: GrpcContext, request: Request) => Response | Promise<Response>,
): handleUnaryCall<Request, Response> {
  return ({ request }, callback) => void reply(context, async () => route(context, request), callback);
}

function clientStreaming<Request, Response>(
  context: GrpcContext,
  route: (context: GrpcContext, requests: AsyncIterable<Request>) => Promise<Response>,
): handleClientStreamingCall<Request, Response> {
  return (requests, callback) => void reply(context, () => route(context, requests), callback);
}

async function reply<Response>(
  { log }: GrpcContext,
  work: () => Promise<Response>,
  callback: (error: ReturnType<typeof toStatus> | null, response?: Response) => void,
): Promise<void> {
  try {
    callback(null, await work());
  } catch (error) {
    callback(toStatus(error, log));
  }
}
