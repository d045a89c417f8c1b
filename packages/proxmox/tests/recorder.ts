import { once } from "node:events";
import { createServer, request as send } from "node:https";
import type { AddressInfo } from "node:net";
import { connect } from "node:tls";
import { makeCertificate } from "./fake-pve/certificate.ts";

/** A request that was passed on. */
interface Recorded {
  method: string;
  path: string;
}

/** A proxy for a real or fake API, with a certificate of its own. Records each request. */
export class Recorder {
  readonly calls: Recorded[] = [];
  readonly #target: { endpoint: string; tlsFingerprint: string; authorization: string };
  /** The certificate of the API, after its fingerprint was checked. */
  #trusted: string | undefined;
  readonly #certificate = makeCertificate();
  readonly #server = createServer(
    { key: this.#certificate.key, cert: this.#certificate.certificate },
    (incoming, answer) => {
      const { method = "GET", url = "/", headers } = incoming;
      this.calls.push({ method, path: url });
      const { host: _, ...passed } = headers;
      const outgoing = send(
        new URL(url, this.#target.endpoint),
        { method, headers: passed, ...this.#tls() },
        (response) => {
          answer.writeHead(response.statusCode ?? 502, response.statusMessage, response.headers);
          response.pipe(answer);
        },
      );
      outgoing.on("error", (error) => answer.destroy(error));
      incoming.pipe(outgoing);
    },
  );

  constructor(target: { endpoint: string; tlsFingerprint: string; authorization: string }) {
    this.#target = target;
  }

  /** Starts the proxy. Returns its endpoint and its fingerprint. */
  async start(): Promise<{ endpoint: string; tlsFingerprint: string }> {
    this.#trusted = await this.#readCertificate();
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    const { port } = this.#server.address() as AddressInfo;
    return { endpoint: `https://127.0.0.1:${port}`, tlsFingerprint: this.#certificate.fingerprint };
  }

  get writes(): Recorded[] {
    return this.calls.filter(({ method }) => method !== "GET");
  }

  /** Requests something from the API, without recording it. */
  get<Data>(path: string): Promise<Data> {
    const { endpoint, authorization } = this.#target;
    return new Promise((resolve, reject) => {
      const outgoing = send(
        new URL(`/api2/json${path}`, endpoint),
        { headers: { authorization }, agent: false, ...this.#tls() },
        (response) => {
          let text = "";
          response.setEncoding("utf8").on("data", (part: string) => (text += part));
          response.on("end", () => {
            if (response.statusCode === 200) resolve((JSON.parse(text) as { data: Data }).data);
            else reject(new Error(`GET ${path}: ${response.statusCode} ${response.statusMessage}`));
          });
        },
      );
      outgoing.on("error", reject).end();
    });
  }

  /** Trusts only this certificate, for any host name. */
  #tls() {
    return { ca: this.#trusted, allowPartialTrustChain: true, checkServerIdentity: () => undefined };
  }

  async #readCertificate(): Promise<string> {
    const { hostname, port } = new URL(this.#target.endpoint);
    const socket = connect({ host: hostname, port: Number(port || 443), rejectUnauthorized: false });
    await once(socket, "secureConnect");
    const { fingerprint256, raw } = socket.getPeerCertificate();
    socket.destroy();
    if (fingerprint256 !== this.#target.tlsFingerprint.toUpperCase())
      throw new Error(`the certificate has the fingerprint ${fingerprint256}`);
    return `-----BEGIN CERTIFICATE-----\n${raw.toString("base64")}\n-----END CERTIFICATE-----\n`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
