import type { Socket as DatagramSocket } from "node:dgram";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import {
  addressesOf,
  describeError,
  NEXT_ADDRESS_SECONDS,
  openTcp,
  startTimer,
  withDeadline,
} from "@nixops4-providers/provider-sdk";
import { DnsConnection } from "./dns-connection.ts";
import { DnsError } from "./dns-error.ts";
import { finishHandshake } from "./tls-handshake.ts";

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
export async function connect(
  server: ServerAddress,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<DnsConnection> {
  const { address, port } = server;
  const timeoutSeconds = timeoutMs / 1000;
  try {
    const tcp = await openTcp({ host: address, port, timeoutSeconds }, signal);
    if (server.transport !== "tls") return new DnsConnection(tcp);
    const tls = startTls(tcp, server);
    return new DnsConnection(await withDeadline(tls, timeoutSeconds, "no TLS handshake", signal));
  } catch (cause) {
    if (cause instanceof DnsError) throw cause;
    if (signal.aborted) throw new DnsError("interrupted", { cause: signal.reason });
    throw new DnsError(`cannot connect to ${address} port ${port}`, { cause, isTransient: true });
  }
}

async function startTls(tcp: Socket, server: ServerAddress): Promise<TLSSocket> {
  const [{ checkServerIdentity, connect: connectTls }, { isIP }] = await Promise.all([
    import("node:tls"),
    import("node:net"),
  ]);
  const { address, port, tls = {} } = server;
  const name = tls.serverName ?? address;
  const socket = connectTls({
    socket: tcp,
    ALPNProtocols: ["dot"],
    minVersion: "TLSv1.2",
    ...(isIP(name) === 0 ? { servername: name } : {}),
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    // The pinned key is the only proof: its certificate may be self-signed or expired.
    rejectUnauthorized: tls.pin === undefined,
    checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
  });
  await finishHandshake(
    socket,
    `${address} port ${port}`,
    "name its CA in tls.caCertificateFile, or pin its key",
  );
  try {
    await checkPin(socket, server);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function checkPin(socket: TLSSocket, { tls, address }: ServerAddress): Promise<void> {
  if (tls?.pin === undefined) return;
  const { createHash } = await import("node:crypto");
  const key = socket.getPeerX509Certificate()?.publicKey.export({ type: "spki", format: "der" });
  const actual = key === undefined ? "none" : createHash("sha256").update(key).digest("base64");
  if (actual !== tls.pin)
    throw new DnsError(`the TLS key of ${address} has the pin ${actual}, not ${tls.pin}`);
}

/** How long to wait for a true answer after a forged one. */
const FORGERY_GRACE_SECONDS = 1;
const RESEND_SECONDS = 1;

/**
 * Sends a datagram again and again, to each address of the server, until `receive` has accepted an answer; those from
 * elsewhere never reach it. An answer that it throws at may be forged: another is waited for.
 */
export async function exchangeDatagram(
  { address, port }: ServerAddress,
  message: Buffer,
  receive: (message: Buffer) => boolean,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<void> {
  const exchange = new DatagramExchange(message, receive);
  const answered = addressesOf(address).then((addresses) => exchange.run(addresses, port));
  const where = `${address} port ${port}`;
  try {
    await withDeadline(answered, timeoutMs / 1000, `no answer from ${where}`, signal);
  } catch (cause) {
    if (cause instanceof DnsError) throw cause;
    if (signal.aborted) throw new DnsError("interrupted", { cause: signal.reason });
    throw new DnsError(describeError(cause), { isTransient: true });
  } finally {
    exchange.close();
  }
}

class DatagramExchange {
  readonly #message: Buffer;
  readonly #receive: (message: Buffer) => boolean;
  readonly #stops: (() => void)[] = [];
  #isOver = false;

  constructor(message: Buffer, receive: (message: Buffer) => boolean) {
    this.#message = message;
    this.#receive = receive;
  }

  async run(addresses: readonly string[], port: number): Promise<void> {
    const { createSocket } = await import("node:dgram");
    await new Promise<void>((resolve, reject) => {
      const failed = new Set<string>();
      const onMessage = (bytes: Buffer) => {
        try {
          if (this.#receive(bytes)) resolve();
        } catch (error) {
          this.#after(FORGERY_GRACE_SECONDS, () => reject(error));
        }
      };
      const ask = (address: string) => {
        const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
        this.#stops.push(() => socket.close());
        const onError = (cause: Error) => {
          if (failed.add(address).size < addresses.length) return;
          reject(new DnsError(`cannot reach ${address} port ${port}`, { cause, isTransient: true }));
        };
        socket.on("error", onError).on("message", onMessage);
        // A connected socket takes datagrams of this server alone.
        socket.connect(port, address, (cause?: Error) =>
          cause === undefined ? this.#send(socket, onError) : onError(cause),
        );
      };
      addresses.forEach((address, index) => this.#after(index * NEXT_ADDRESS_SECONDS, () => ask(address)));
    });
  }

  close(): void {
    this.#isOver = true;
    for (const stop of this.#stops) stop();
  }

  #send(socket: DatagramSocket, onError: (cause: Error) => void): void {
    if (this.#isOver) return;
    socket.send(this.#message, (cause) => cause && onError(cause));
    this.#after(RESEND_SECONDS, () => this.#send(socket, onError));
  }

  #after(seconds: number, act: () => void): void {
    if (!this.#isOver) this.#stops.push(startTimer(seconds, act));
  }
}
