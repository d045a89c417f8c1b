import { once } from "node:events";
import { lstat, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";

type OnConnection = (connection: Socket) => void;
type Log = (message: string) => void;

export interface SocketOptions {
  path: string;
  /** The mode of the socket. Default 0660. */
  mode?: number | undefined;
}

/** The certificates and the key are in PEM format. */
export interface TcpOptions {
  address: string;
  /** 0 selects a free port. */
  port: number;
  /** A server that listens already, instead of `address` and `port`. */
  bound?: Server | undefined;
  /** A client with a certificate from this CA may call all methods. */
  caCertificate: string;
  certificate: string;
  key: string;
}

const DEFAULT_MODE = 0o660;
/** Further connections are closed at once. */
const MAX_CONNECTIONS = 1024;
const HANDSHAKE_TIMEOUT_MS = 10_000;

/**
 * Creates a unix socket, which has its mode from the beginning. It closes all connections until {@link acceptOn} is called.
 * Replaces a socket that no process listens on. Fails if a process listens on it.
 */
export async function makeSocket({ path, mode = DEFAULT_MODE }: SocketOptions): Promise<Server> {
  await removeStaleSocket(path);
  const server = closedServer();
  // listen() creates the socket before it returns.
  const umask = process.umask(0o777 & ~mode);
  try {
    server.listen(path);
  } finally {
    process.umask(umask);
  }
  await once(server, "listening");
  return server;
}

/** Returns a server that closes all connections. */
export function closedServer(): Server {
  const server = createServer();
  server.maxConnections = 0;
  return server;
}

/** Accepts connections on a socket from {@link makeSocket}. */
export function acceptOn(server: Server, onConnection: OnConnection, log: Log): Server {
  server.on("connection", onConnection);
  return accepting(server, log);
}

/** Accepts connections on a socket that already listens, such as one from systemd. */
export async function listenOnDescriptor(fd: number, onConnection: OnConnection, log: Log): Promise<Server> {
  return listening(createServer(onConnection).listen({ fd }), log);
}

/** Listens with TLS. Accepts only clients with a certificate from the CA. */
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
  // For example, no file descriptor is left. Later connections may succeed.
  server.on("error", (error) => log(`gRPC: cannot accept a connection: ${error.message}`));
  return server;
}

async function removeStaleSocket(path: string): Promise<void> {
  const stats = await lstat(path).catch(ignoreMissing);
  if (stats === undefined) return;
  if (!stats.isSocket())
    throw new Error(`cannot listen on ${path}: a file that is not a socket exists there`);
  const failure = await tryToConnect(path);
  if (failure === undefined) throw new Error(`cannot listen on ${path}: another process is listening on it`);
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
