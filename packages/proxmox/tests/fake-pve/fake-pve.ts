import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { allPrivileges } from "./access.ts";
import { readParameters } from "./body.ts";
import { makeCertificate } from "./certificate.ts";
import { Cluster, type Guest } from "./cluster.ts";
import { datacenterRoutes } from "./datacenter.ts";
import { guestRoutes } from "./guests.ts";
import { schemaViolations } from "./official-schema.ts";
import { lxcRoutes, qemuRoutes } from "./qemu.ts";
import { type FakeAnswer, type FakeRequest, type Fault, Refusal } from "./request.ts";
import type { Route } from "./routes.ts";
import { storageRoutes } from "./storage.ts";

export const TOKEN_ID = "deploy@pve!nixops4";
const TOKEN_SECRET = "6f0d1a52-3c1f-4b0e-9a43-0d6c1f2b7a11";

const routes: Route[] = [
  ...datacenterRoutes,
  ...guestRoutes("qemu"),
  ...guestRoutes("lxc"),
  ...qemuRoutes,
  ...lxcRoutes,
  ...storageRoutes,
];

/** The API of Proxmox VE over HTTPS, by documented facts. Tests inject faults around it. */
export class FakePve {
  readonly cluster = new Cluster();
  /** The requests that passed authentication. */
  readonly requests: FakeRequest[] = [];
  /** The requests that violate the official schema; empty without the schema. */
  readonly violations: string[] = [];
  readonly certificate: string;
  readonly #server: Server;
  readonly #faults = new Set<Fault>();
  port = 0;
  /** The number of TCP connections, and of all requests. */
  connections = 0;
  requestsSeen = 0;

  readonly fingerprint: string;

  private constructor({ key, certificate, fingerprint }: ReturnType<typeof makeCertificate>) {
    this.certificate = certificate;
    this.fingerprint = fingerprint;
    this.#server = createServer(
      { key, cert: certificate },
      (request, response) => void this.#serve(request, response),
    );
    this.#server.on("connection", () => this.connections++);
    // As pveproxy does: idle connections are closed soon.
    this.#server.keepAliveTimeout = 5_000;
  }

  static async start(): Promise<FakePve> {
    const fake = new FakePve(makeCertificate());
    const { cluster } = fake;
    cluster.nodes.set("pve", { isOnline: true, bridges: ["vmbr0", "vmbr1"] });
    cluster.addStorage("local", ["iso", "vztmpl", "backup"]);
    cluster.addStorage("local-lvm", ["images", "rootdir"]);
    cluster.addStorage("files", ["images", "iso", "vztmpl", "import"]);
    cluster.tokens.set(TOKEN_ID, { secret: TOKEN_SECRET, acl: { "/": allPrivileges("9.2") } });
    await new Promise<void>((resolve) => fake.#server.listen(0, "127.0.0.1", resolve));
    fake.port = (fake.#server.address() as AddressInfo).port;
    return fake;
  }

  get endpoint(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  /** The input `connection` of every resource. */
  get connection() {
    return {
      endpoint: this.endpoint,
      tokenId: TOKEN_ID,
      tokenSecret: { value: TOKEN_SECRET },
      tlsFingerprint: this.fingerprint,
    };
  }

  /** Injects a fault. Returns a function that removes it. */
  inject(fault: Fault): () => void {
    this.#faults.add(fault);
    return () => void this.#faults.delete(fault);
  }

  vm(vmid: number): Guest {
    const guest = this.cluster.guests.get(vmid);
    if (guest === undefined) throw new Error(`there is no guest ${vmid}`);
    return guest;
  }

  /** The requests that may change something. */
  get writes(): FakeRequest[] {
    return this.requests.filter(({ method }) => method !== "GET");
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await this.cluster.tasks.settled();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = await this.#answer(request).catch(toAnswer);
    if (answer.lost === true) return void request.socket.destroy();
    const { status, reason = "OK", data = null, errors } = answer;
    const body = JSON.stringify({
      data,
      ...(status === 200 ? {} : { message: `${reason}\n` }),
      ...(errors === undefined ? {} : { errors }),
    });
    response.writeHead(status, reason, { "content-type": "application/json;charset=UTF-8" });
    response.end(body);
  }

  async #answer(request: IncomingMessage): Promise<FakeAnswer> {
    this.requestsSeen++;
    const url = new URL(request.url ?? "/", this.endpoint);
    if (!url.pathname.startsWith("/api2/json/")) throw new Refusal(404, "no such file");
    const tokenId = this.#authenticate(request.headers.authorization);
    const { params, file } = await readParameters(request, url.searchParams);
    const path = url.pathname.slice("/api2/json".length);
    const call: FakeRequest = {
      method: request.method ?? "GET",
      path,
      params,
      tokenId,
      ...(file && { file }),
    };
    this.requests.push({ ...call, params: { ...params } });
    const chain = [...this.#faults].reduceRight<() => Promise<FakeAnswer>>(
      (next, fault) => () => fault(call, next).catch(toAnswer),
      () => this.#handle(call).catch(toAnswer),
    );
    return chain();
  }

  #authenticate(header: string | undefined): string {
    if (header === undefined) throw new Refusal(401, "No ticket");
    const [, tokenId = "", secret = ""] = /^PVEAPIToken=([^=]+)=(.+)$/.exec(header) ?? [];
    if (this.cluster.tokens.get(tokenId)?.secret !== secret) throw new Refusal(401, "Authentication failed!");
    return tokenId;
  }

  async #handle(request: FakeRequest): Promise<FakeAnswer> {
    const { method, path } = request;
    const params = { ...request.params, ...(request.file && { filename: request.file.name }) };
    const errors = schemaViolations(method, path, params);
    if (Object.keys(errors).length > 0) {
      this.violations.push(`${method} ${path}: ${JSON.stringify(errors)}`);
      throw new Refusal(400, "Parameter verification failed.", errors);
    }
    for (const { method: wanted, regex, handler } of routes) {
      const match = wanted === method ? regex.exec(path) : null;
      if (match === null) continue;
      const at = { ...match.groups } as Record<string, string>;
      const node = at["node"];
      if (node !== undefined) this.#reach(node);
      return { status: 200, data: await handler({ ...request, cluster: this.cluster, at }) };
    }
    throw new Refusal(501, `Method '${method} ${path}' not implemented`);
  }

  /** Throws as the API does when it passes a request on to a node that does not exist or is offline. */
  #reach(name: string): void {
    const node = this.cluster.nodes.get(name);
    if (node === undefined)
      throw new Refusal(500, `hostname lookup '${name}' failed - failed to get address info`);
    if (!node.isOnline) throw new Refusal(595, "No route to host");
  }
}

function toAnswer(error: unknown): FakeAnswer {
  if (error instanceof Refusal) {
    return { status: error.status, reason: error.message, ...(error.errors && { errors: error.errors }) };
  }
  return { status: 500, reason: (error as Error).message.replace(/\s+/g, " ") };
}
