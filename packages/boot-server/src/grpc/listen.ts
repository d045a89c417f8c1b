import { once } from "node:events";
import { lstat, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";

type OnConnection = (connection: Socket) => void;
type Log = (message: string) => void;

export interface SocketOptions {
  path: string;
  /** Who may use it; by default 0660. */
  mode?: number | undefined;
}

/** All as PEM. */
export interface TcpOptions {
  address: string;
  /** 0 for any that is free. */
  port: number;
  /** Listens there already, in place of `address` and `port`. */
  bound?: Server | undefined;
  /** A client with a certificate of this CA may do everything. */
  caCertificate: string;
  certificate: string;
  key: string;
}

const DEFAULT_MODE = 0o660;
/** Connections beyond it are closed at once. */
const MAX_CONNECTIONS = 1024;
const HANDSHAKE_TIMEOUT_MS = 10_000;

/**
 * Makes a unix socket that has its mode from the moment it exists, and closes all connections until it is accepted on.
 * One that a dead process left is replaced; one that a process listens on is an error.
 */
export async function makeSocket({ path, mode = DEFAULT_MODE }: SocketOptions): Promise<Server> {
  await removeStaleSocket(path);
  const server = closedServer();
  // The socket is made before listen() returns.
  const umask = process.umask(0o777 & ~mode);
  try {
    server.listen(path);
  } finally {
    process.umask(umask);
  }
  await once(server, "listening");
  return server;
}

/** A server that closes all connections. */
export function closedServer(): Server {
  const server = createServer();
  server.maxConnections = 0;
  return server;
}

/** Accepts connections on what {@link makeSocket} made. */
export function acceptOn(server: Server, onConnection: OnConnection, log: Log): Server {
  server.on("connection", onConnection);
  return accepting(server, log);
}

/** A socket that already listens, as systemd hands it over. */
export async function listenOnDescriptor(fd: number, onConnection: OnConnection, log: Log): Promise<Server> {
  return listening(createServer(onConnection).listen({ fd }), log);
}

/** Only clients with a certificate of the CA get through. */
export async function listenOnTcp(
  { address, port, bound, caCertificate, certificate, key }: TcpOptions,
  onConnection: OnConnection,
  log: Log,
): Promise<Server> {
  const server = createTlsServer({
    ca: caCertificate,
    cert: certificate,
    key,
    requestCert: true,
    rejectUnauthorized: true,
    ALPNProtocols: ["h2"],
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  });
  server.on("secureConnection", (connection) => {
    // https://github.com/nodejs/node/issues/35824
    connection.on("error", () => {});
    onConnection(connection);
  });
  server.on("tlsClientError", (error, { remoteAddress, authorizationError }) => {
    const reason: unknown = authorizationError ?? error.message;
    log(`gRPC: refused a connection from ${remoteAddress ?? "a client"}: ${String(reason)}`);
  });
  return listening(bound === undefined ? server.listen(port, address) : server.listen(bound), log);
}

async function listening(server: Server, log: Log): Promise<Server> {
  await once(server, "listening");
  return accepting(server, log);
}

function accepting(server: Server, log: Log): Server {
  server.maxConnections = MAX_CONNECTIONS;
  // As when there are no more file descriptors: later ones may get through.
  server.on("error", (error) => log(`gRPC: cannot accept a connection: ${error.message}`));
  return server;
}

async function removeStaleSocket(path: string): Promise<void> {
  const stats = await lstat(path).catch(ignoreMissing);
  if (stats === undefined) return;
  if (!stats.isSocket()) throw new Error(`cannot listen on ${path}: there is something that is not a socket`);
  const failure = await tryToConnect(path);
  if (failure === undefined) throw new Error(`cannot listen on ${path}: another process already does`);
  if (failure.code !== "ECONNREFUSED")
    throw new Error(`cannot listen on ${path}: ${failure.message}`, { cause: failure });
  await rm(path, { force: true });
}

async function tryToConnect(path: string): Promise<NodeJS.ErrnoException | undefined> {
  const socket = connect(path);
  try {
    await once(socket, "connect");
    return undefined;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  } finally {
    socket.destroy();
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}
