import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type BootCore,
  type GrpcServer,
  type GrpcServerOptions,
  initTls,
  openBootCore,
  startGrpcServer,
} from "@nixops4-providers/boot-server";
import { builtProvider, type Properties, ProviderProcess } from "@nixops4-providers/e2e";

export const MAC = "52:54:00:12:34:56";
export const ENTRY_ID = "52-54-00-12-34-56";

type Tcp = NonNullable<GrpcServerOptions["tcp"]>;

/** Runs a boot service on a unix socket, and providers that use it. */
export class BootLab {
  core!: BootCore;
  server!: GrpcServer;
  readonly folder: string;
  /** The SHA-256 of each asset that was uploaded. */
  readonly uploads: string[] = [];
  /** The log lines and answers of all providers. */
  output = "";
  readonly #running = new Set<ProviderProcess>();

  static async start(): Promise<BootLab> {
    const lab = new BootLab(await fs.mkdtemp(join(tmpdir(), "boot-lab-")));
    await fs.mkdir(lab.nixStore, { recursive: true });
    await lab.startServer();
    return lab;
  }

  private constructor(folder: string) {
    this.folder = folder;
  }

  get socket(): string {
    return join(this.folder, "api.sock");
  }

  get nixStore(): string {
    return join(this.folder, "nix", "store");
  }

  async startServer(tcp?: Tcp): Promise<void> {
    const core = await openBootCore({ folder: join(this.folder, "state"), nixStore: this.nixStore });
    const addAsset = core.addAsset.bind(core);
    core.addAsset = (asset, data) => {
      this.uploads.push(asset.sha256);
      return addAsset(asset, data);
    };
    this.core = core;
    this.server = await startGrpcServer({
      core,
      socket: { path: this.socket },
      tcp,
      scriptUrl: (mac) => `http://192.0.2.1:8080/machines/${mac.replaceAll(":", "-")}/boot.ipxe`,
      log: () => {},
    });
  }

  async stopServer(): Promise<void> {
    await this.server.stop({ graceSeconds: 1 });
    await this.core.close();
  }

  /** Restarts the service with TCP. Returns the input `server` for it. */
  async restartWithTls() {
    const tls = join(this.folder, "tls");
    await initTls({ folder: tls, hosts: ["127.0.0.1"], days: 1 });
    const read = (name: string) => fs.readFile(join(tls, name), "utf8");
    await this.stopServer();
    await this.startServer({
      address: "127.0.0.1",
      port: 0,
      caCertificate: await read("ca.crt"),
      certificate: await read("server.crt"),
      key: await read("server.key"),
    });
    return {
      address: `127.0.0.1:${this.server.port}`,
      caCertificateFile: join(tls, "ca.crt"),
      clientCertificateFile: join(tls, "client.crt"),
      clientKey: { file: join(tls, "client.key") },
    };
  }

  async end(): Promise<void> {
    await Promise.all([...this.#running].map((provider) => provider.kill("SIGKILL")));
    await this.stopServer();
    await fs.rm(this.folder, { recursive: true });
  }

  /** Writes a file, and returns its path and SHA-256. */
  async file(name: string, contents: string | Buffer): Promise<{ path: string; sha256: string }> {
    const path = join(this.folder, name);
    await fs.mkdir(join(path, ".."), { recursive: true });
    await fs.writeFile(path, contents);
    return { path, sha256: createHash("sha256").update(contents).digest("hex") };
  }

  provider(): ProviderProcess {
    const provider = new ProviderProcess(builtProvider("pxe-nbp"), {
      env: { NIX_STORE_DIR: this.nixStore },
      onStderr: (line) => (this.output += `${line}\n`),
    });
    this.#running.add(provider);
    return provider;
  }

  /** Applies a resource in a new process. Returns the outputs and the log lines. */
  async apply(type: string, inputs: object): Promise<Properties & { log: string }> {
    const provider = this.provider();
    try {
      const outputs = await provider.create(type, { server: { socket: this.socket }, ...inputs });
      this.output += JSON.stringify(outputs);
      return { ...outputs, log: provider.stderr };
    } catch (error) {
      this.output += String(error);
      throw error;
    } finally {
      await provider.close();
      this.#running.delete(provider);
    }
  }

  /** Fetches the script as the machine does. */
  async boot() {
    const decision = await this.core.startBoot(MAC, {
      address: "192.0.2.50",
      firmware: "efi",
      architecture: "x86_64",
    });
    if (decision.kind !== "install") throw new Error(decision.reason);
    return new Installer(this, decision.entry.boot!.token);
  }
}

/** The requests of an installer. */
class Installer {
  readonly #lab: BootLab;
  readonly #token: string;

  constructor(lab: BootLab, token: string) {
    this.#lab = lab;
    this.#token = token;
  }

  async claim(): Promise<void> {
    await this.#lab.core.claim(ENTRY_ID, { token: this.#token, bootId: "boot-1", address: "192.0.2.50" });
  }

  async report(
    stage: string,
    more: { percent?: number; message?: string; log?: string[] } = {},
  ): Promise<void> {
    await this.#lab.core.report(ENTRY_ID, this.#token, { bootId: "boot-1", stage, ...more });
  }

  async reportHardware(gzip: Uint8Array): Promise<void> {
    await this.#lab.core.reportHardware(ENTRY_ID, this.#token, gzip);
  }

  async end(
    outcome: "installed" | "failed",
    stage: string,
    message: string,
    log: string[] = [],
  ): Promise<void> {
    await this.#lab.core.report(ENTRY_ID, this.#token, { bootId: "boot-1", stage, message, log, outcome });
  }
}

export async function until(what: string, holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 15_000; !holds(); await sleep(20)) {
    if (Date.now() > end) throw new Error(`${what} did not come about in 15 s`);
  }
}
