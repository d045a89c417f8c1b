import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "@nixops4-providers/test-servers";
import { binFolder } from "../harness/index.ts";

export interface BootServiceOptions {
  /** The folder for the store and the socket. */
  folder: string;
  address: string;
  httpPort: number;
  /** The TFTP port. Default: a free one. */
  tftpPort?: number;
  /**
   * Returns the command line that runs a command in the network namespace of `address`. The command ends with this
   * process.
   */
  enter?: (...command: string[]) => string[];
}

const START_TIMEOUT_MS = 20_000;

/** The boot service from dist/bin. Its store is kept when it is stopped or killed. */
export class BootService {
  readonly socket: string;
  readonly store: string;
  readonly url: string;
  /** The lines of the log, each in JSON. */
  readonly log: string[] = [];
  readonly #command: string[];
  #process: ChildProcess | undefined;

  constructor({ folder, address, httpPort, tftpPort = 0, enter = endWithUs }: BootServiceOptions) {
    this.socket = join(folder, "api.sock");
    this.store = join(folder, "store");
    this.url = `http://${address}:${httpPort}`;
    const flags = {
      store: this.store,
      "grpc-socket": this.socket,
      "tftp-address": address,
      "tftp-port": String(tftpPort),
      "http-address": address,
      "http-port": String(httpPort),
      "log-format": "json",
    };
    const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
    this.#command = enter(join(binFolder, "nixops4-boot-server"), "serve", ...args);
  }

  /** Starts a boot service on loopback. */
  static async onLoopback(folder: string): Promise<BootService> {
    const service = new BootService({ folder, address: "127.0.0.1", httpPort: await freePort() });
    await service.start();
    return service;
  }

  get isUp(): boolean {
    return this.#process?.exitCode === null && this.#process.signalCode === null;
  }

  /** Starts the service, and resolves when it accepts requests. */
  async start(): Promise<void> {
    const [program, ...args] = this.#command;
    const child = spawn(program!, args, { stdio: ["ignore", "ignore", "pipe"] });
    this.#process = child;
    const before = this.log.length;
    createInterface({ input: child.stderr }).on("line", (line) => this.log.push(line));
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!this.log.slice(before).some((line) => line.includes('"ready'))) {
      if (!this.isUp || Date.now() > deadline) {
        throw new Error(`the boot service does not start:\n${this.log.slice(before).join("\n")}`);
      }
      await sleep(20);
    }
  }

  /** Kills the service, as in a power cut. */
  async kill(): Promise<void> {
    if (!this.isUp) return;
    const exited = once(this.#process!, "exit");
    this.#process!.kill("SIGKILL");
    await exited;
  }
}

function endWithUs(...command: string[]): string[] {
  return ["setpriv", "--pdeathsig", "KILL", ...command];
}
