import { execFile, spawn, type ChildProcess } from "node:child_process";
import * as fs from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { binFolder } from "../harness/index.ts";

/** The built boot server, on loopback and with everything in one folder. */
export class BootServer {
  readonly socket: string;
  readonly #process: ChildProcess;
  #port = 0;

  static async start(folder: string): Promise<BootServer> {
    const socket = join(folder, "api.sock");
    const settings = {
      store: join(folder, "store"),
      tftp: { enable: false },
      http: { address: "127.0.0.1", port: 0 },
      grpc: { socket },
      logFormat: "json",
    };
    const config = join(folder, "boot-server.json");
    await fs.writeFile(config, JSON.stringify(settings));
    const server = new BootServer(socket, config);
    await server.#ready();
    return server;
  }

  private constructor(socket: string, config: string) {
    this.socket = socket;
    this.#process = spawn(join(binFolder, "nixops4-boot-server"), ["serve", "--config", config], {
      stdio: ["ignore", "ignore", "pipe"],
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const exit = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGKILL");
    await exit;
  }

  async #ready(): Promise<void> {
    const lines: string[] = [];
    const reader = createInterface({ input: this.#process.stderr! });
    for await (const line of reader) {
      lines.push(line);
      if (line.includes('"listens"') && line.includes('"http"')) {
        this.#port = (JSON.parse(line) as { port: number }).port;
      }
      if (!line.includes('"ready')) continue;
      this.#process.stderr!.resume();
      return;
    }
    throw new Error(`the boot server ended: ${lines.join("\n")}`);
  }
}

/** A machine that boots from the network, as far as its firmware and its installer say anything to the server. */
export class NetbootingMachine {
  /** The files of its overlay are here, under their paths. */
  readonly folder: string;

  static async boot(server: BootServer, mac: string, folder: string): Promise<NetbootingMachine> {
    const path = `${server.url}/machines/${mac.replaceAll(":", "-")}/boot.ipxe`;
    const script = await (await fetch(`${path}?firmware=efi&architecture=x86_64`)).text();
    const overlay = /\S+\/overlay\.cpio/.exec(script)?.[0];
    if (overlay === undefined) throw new Error(`${mac} is not to install itself:\n${script}`);
    const archive = join(folder, "overlay.cpio");
    await fs.writeFile(archive, Buffer.from(await (await fetch(overlay)).arrayBuffer()));
    const extract = [
      "--extract",
      "--make-directories",
      "--no-absolute-filenames",
      "--quiet",
      "--file",
      archive,
    ];
    await promisify(execFile)("cpio", extract, { cwd: folder });
    return new NetbootingMachine(folder);
  }

  private constructor(folder: string) {
    this.folder = folder;
  }

  file(name: string): Promise<string> {
    return fs.readFile(join(this.folder, "nixops4", name), "utf8");
  }

  /** Claims the install, and reports that it is done. */
  async install(): Promise<void> {
    await this.#tell("claim", {});
    await this.#tell("report", { stage: "finish", outcome: "installed" });
  }

  async #tell(what: string, body: object): Promise<void> {
    const response = await fetch(`${(await this.file("job-url")).trim()}/${what}`, {
      method: "POST",
      headers: { authorization: `Bearer ${(await this.file("token")).trim()}` },
      body: JSON.stringify({ bootId: "a-boot", ...body }),
    });
    if (!response.ok) throw new Error(`${what}: ${response.status} ${await response.text()}`);
  }
}
