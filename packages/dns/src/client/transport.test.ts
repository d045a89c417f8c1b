import { execFileSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer, type Server, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { connect, exchangeDatagram, type ServerAddress } from "./transport.ts";

const { signal } = new AbortController();
const address = "127.0.0.1";

/** A port where nothing listens. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, address);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function errorOf(work: Promise<unknown>): Promise<Error & { isTransient: boolean }> {
  try {
    await work;
  } catch (error) {
    return error as Error & { isTransient: boolean };
  }
  throw new Error("it succeeded");
}

describe("a connection", () => {
  it("that is refused may be tried again", async () => {
    const port = await closedPort();
    const error = await errorOf(connect({ address, port, transport: "tcp" }, { timeoutMs: 5_000, signal }));
    expect([error.name, error.message, error.isTransient]).toEqual([
      "DnsError",
      `cannot connect to 127.0.0.1 port ${port}`,
      true,
    ]);
    expect(error.cause).toMatchObject({ message: `connect ECONNREFUSED 127.0.0.1:${port}` });
  });

  it("may be interrupted", async () => {
    const reason = new Error("interrupted by SIGINT");
    const options = { timeoutMs: 5_000, signal: AbortSignal.abort(reason) };
    const error = await errorOf(connect({ address, port: 1, transport: "tcp" }, options));
    expect([error.message, error.cause, error.isTransient]).toEqual(["interrupted", reason, false]);
  });
});

describe("a TLS connection", () => {
  let folder: string;
  let server: Server;
  let port: number;
  let ca: string;
  let pin: string;
  const sockets = new Set<Socket>();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "dns-tls-"));
    const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
    const names = "subjectAltName=IP:127.0.0.1,DNS:ns1.example.test";
    execFileSync(
      "openssl",
      `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=ns1 -addext ${names} -keyout ${key} -out ${certificate}`.split(
        " ",
      ),
      { stdio: "pipe" },
    );
    ca = await readFile(certificate, "utf8");
    const { publicKey } = new X509Certificate(ca);
    pin = createHash("sha256")
      .update(publicKey.export({ type: "spki", format: "der" }))
      .digest("base64");
    server = createTlsServer({ key: await readFile(key), cert: ca, ALPNProtocols: ["dot"] });
    server.on("connection", (socket: Socket) => sockets.add(socket)).on("tlsClientError", () => {});
    server.listen(0, address);
    await once(server, "listening");
    ({ port } = server.address() as AddressInfo);
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await rm(folder, { recursive: true });
  });

  const open = (tls: ServerAddress["tls"]) =>
    connect({ address, port, transport: "tls", ...(tls && { tls }) }, { timeoutMs: 5_000, signal });
  const other = Buffer.alloc(32).toString("base64");

  it.each<[string, () => ServerAddress["tls"]]>([
    ["its CA", () => ({ ca })],
    ["its CA and another of its names", () => ({ ca, serverName: "ns1.example.test" })],
    ["its key", () => ({ pin })],
    ["its key, whatever the name is", () => ({ pin, serverName: "other.test" })],
  ])("is opened by %s", async (_, tls) => {
    const connection = await open(tls());
    expect(connection.isOpen).toBe(true);
    connection.close();
  });

  it.each([
    ["ns1.example.test", "ns1.example.test"],
    [undefined, false],
  ])("asks for the name %s, and for no address", async (serverName, asked) => {
    const accepted = once(server, "secureConnection") as Promise<[TLSSocket & { servername: unknown }]>;
    const connection = await open({ ca, serverName });
    const [socket] = await accepted;
    expect(socket.servername).toBe(asked);
    connection.close();
  });

  it.each<[string, () => ServerAddress["tls"], string]>([
    [
      "nothing",
      () => undefined,
      "the certificate of 127.0.0.1 port PORT is not trusted (name its CA in tls.caCertificateFile, or pin its key)",
    ],
    [
      "its CA, for another name",
      () => ({ ca, serverName: "other.test" }),
      "the certificate of 127.0.0.1 port PORT is not trusted (name its CA in tls.caCertificateFile, or pin its key)",
    ],
    ["another key", () => ({ pin: other }), `the TLS key of 127.0.0.1 has the pin PIN, not ${other}`],
  ])("is refused by %s", async (_, tls, message) => {
    const error = await errorOf(open(tls()));
    const text = message.replace("PORT", String(port)).replace("PIN", pin);
    expect([error.message, error.isTransient]).toEqual([text, false]);
  });

  it("may be tried again when the server ends it", async () => {
    const plain = createServer((socket) => socket.destroy()).listen(0, address);
    await once(plain, "listening");
    const at = (plain.address() as AddressInfo).port;
    const error = await errorOf(
      connect({ address, port: at, transport: "tls", tls: { pin } }, { timeoutMs: 5_000, signal }),
    );
    plain.close();
    expect([error.message, error.isTransient]).toEqual([`cannot connect to 127.0.0.1 port ${at}`, true]);
  });
});

describe("a datagram", () => {
  const exchange = (port: number, options: { timeoutMs?: number; signal?: AbortSignal } = {}) =>
    exchangeDatagram({ address, port, transport: "udp" }, Buffer.from("question"), () => true, {
      timeoutMs: 5_000,
      signal,
      ...options,
    });

  it("that is refused may be sent again", async () => {
    const port = await closedPort();
    const error = await errorOf(exchange(port));
    expect([error.name, error.message, error.isTransient]).toEqual([
      "DnsError",
      `cannot reach 127.0.0.1 port ${port}`,
      true,
    ]);
  });

  it("has its answer, or none in time", async () => {
    const server = createSocket("udp4");
    server.on("message", (message, peer) => server.send(message, peer.port, peer.address));
    const silent = createSocket("udp4");
    await Promise.all([server, silent].map((one) => new Promise<void>((done) => one.bind(0, address, done))));
    try {
      await exchange(server.address().port);
      const { port } = silent.address();
      const error = await errorOf(exchange(port, { timeoutMs: 100 }));
      expect([error.name, error.isTransient]).toEqual(["DnsError", true]);
      expect(error.message).toMatch(new RegExp(`^no answer from 127\\.0\\.0\\.1 port ${port}`));
    } finally {
      server.close();
      silent.close();
    }
  });

  it("may be interrupted", async () => {
    const reason = new Error("interrupted by SIGINT");
    const error = await errorOf(exchange(await closedPort(), { signal: AbortSignal.abort(reason) }));
    expect([error.message, error.cause, error.isTransient]).toEqual(["interrupted", reason, false]);
  });
});
