import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { Connection } from "./connection.ts";
import { DnsError } from "./dns-error.ts";

/** Where a server is and how to speak to it. */
export interface ServerAddress {
  /** An IP address or a name that the system resolves. */
  address: string;
  port: number;
  /** `udp` falls back to TCP when an answer or a message does not fit. */
  transport: "udp" | "tcp" | "tls";
  tls?: TlsTrust;
}

/** How a server proves who it is: by a certificate of a CA, or by the hash of its public key (RFC 7858, 4.2). */
interface TlsTrust {
  serverName?: string | undefined;
  /** Certificates in PEM format; without them, and without a pin, those that Node trusts. */
  ca?: string | undefined;
  /** The SHA-256 of the public key (SPKI), base64. */
  pin?: string | undefined;
}

/** Opens a TCP or TLS connection. */
export async function connect(server: ServerAddress, timeoutMs: number): Promise<Connection> {
  const socket = server.transport === "tls" ? await openTls(server) : await openTcp(server);
  const event = server.transport === "tls" ? "secureConnect" : "connect";
  const where = `${server.address} port ${server.port}`;
  await new Promise<void>((resolve, reject) => {
    const fail = (message: string, cause?: unknown) => {
      socket.destroy();
      reject(new DnsError(message, { cause, isTransient: true }));
    };
    const timer = setTimeout(() => fail(`no connection to ${where} within ${timeoutMs / 1000} s`), timeoutMs);
    socket.once("error", (cause) => fail(`cannot connect to ${where}`, cause));
    socket.once(event, resolve);
    socket.once(event, () => clearTimeout(timer));
    socket.once("close", () => clearTimeout(timer));
  });
  await checkPin(socket, server);
  return new Connection(socket);
}

async function openTcp({ address, port }: ServerAddress): Promise<Socket> {
  const net = await import("node:net");
  return net.connect({ host: address, port, noDelay: true });
}

async function openTls({ address, port, tls = {} }: ServerAddress): Promise<Socket> {
  const [{ checkServerIdentity, connect: connectTls }, { isIP }] = await Promise.all([
    import("node:tls"),
    import("node:net"),
  ]);
  const name = tls.serverName ?? address;
  const socket = connectTls({
    host: address,
    port,
    ALPNProtocols: ["dot"],
    minVersion: "TLSv1.2",
    ...(isIP(name) === 0 ? { servername: name } : {}),
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    // A pinned key is all the proof there is: the certificate around it may be self-signed or expired.
    rejectUnauthorized: tls.pin === undefined,
    checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
  });
  socket.setNoDelay(true);
  return socket;
}

async function checkPin(socket: Socket, { tls, address, transport }: ServerAddress): Promise<void> {
  if (transport !== "tls" || tls?.pin === undefined) return;
  const { createHash } = await import("node:crypto");
  const certificate = (socket as TLSSocket).getPeerX509Certificate();
  const key = certificate?.publicKey.export({ type: "spki", format: "der" });
  const actual = key === undefined ? "none" : createHash("sha256").update(key).digest("base64");
  if (actual === tls.pin) return;
  socket.destroy();
  throw new DnsError(`the TLS key of ${address} has the pin ${actual}, not ${tls.pin}`);
}

/** How long a true answer may come after a forged one. */
const FORGERY_GRACE_MS = 1_000;

/**
 * Sends a datagram until `receive` has accepted an answer; those from elsewhere never reach it. An answer that it
 * throws at may be forged: another is waited for.
 */
export async function exchangeDatagram(
  { address, port }: ServerAddress,
  message: Buffer,
  receive: (message: Buffer) => boolean,
  { timeoutMs, resendMs = 1000 }: { timeoutMs: number; resendMs?: number },
): Promise<void> {
  const [{ createSocket }, { isIP }, { lookup }] = await Promise.all([
    import("node:dgram"),
    import("node:net"),
    import("node:dns/promises"),
  ]);
  const ip = isIP(address) === 0 ? (await lookup(address)).address : address;
  const socket = createSocket(isIP(ip) === 6 ? "udp6" : "udp4");
  const timers: NodeJS.Timeout[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (text: string, cause?: unknown) =>
        reject(new DnsError(text, { cause, isTransient: true }));
      socket.on("error", (cause) => fail(`cannot reach ${address} port ${port}`, cause));
      socket.on("message", (bytes) => {
        try {
          if (receive(bytes)) resolve();
        } catch (error) {
          timers.push(setTimeout(reject, FORGERY_GRACE_MS, error));
        }
      });
      const send = () => socket.send(message, (cause) => cause && fail("cannot send", cause));
      // A connected socket takes datagrams of this server alone.
      socket.connect(port, ip, () => {
        send();
        timers.push(setInterval(send, resendMs));
      });
      timers.push(
        setTimeout(
          () => fail(`no answer from ${address} port ${port} within ${timeoutMs / 1000} s`),
          timeoutMs,
        ),
      );
    });
  } finally {
    timers.forEach(clearTimeout);
    socket.close();
  }
}
