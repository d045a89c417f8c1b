import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import * as fs from "node:fs/promises";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import {
  startNetbootLab,
  type Dnsmasq,
  type NetbootLab,
  type VirtualMachine,
} from "@nixops4-providers/test-servers";
import { binFolder } from "../harness/index.ts";
import { startBinaryCache, type BinaryCache } from "./binary-cache.ts";

interface PowerOnOptions {
  /** Of its disk, which is made when it is new, and of its serial number. */
  name: string;
  mac: string;
  firmware: "bios" | "efi";
}

/**
 * A first server, in a network namespace with machines that boot from it: dnsmasq, the boot service, and a binary
 * cache. All of it ends with this process at the latest.
 */
export interface Landscaper {
  lab: NetbootLab;
  /** For files of the deployment. */
  folder: string;
  cache: BinaryCache;
  /** The private key that `cache` signs with. */
  cacheKeyFile: string;
  bootService: BootService;
  /** The boot service's HTTP, on loopback of the host. */
  url: string;
  dnsmasqLog(): Promise<string>;
  /** Turns a machine on, which tries the network first, always. */
  powerOn(options: PowerOnOptions): Promise<VirtualMachine>;
  stop(): Promise<void>;
}

const HTTP_PORT = 8080;
const DISK_BYTES = 3 * 2 ** 30;
const START_TIMEOUT_MS = 20_000;

export async function startLandscaper(): Promise<Landscaper> {
  const lab = await startNetbootLab();
  let cache: BinaryCache | undefined;
  let forward: Server | undefined;
  const stop = async () => {
    forward?.close();
    await cache?.stop();
    await lab.stop();
  };
  try {
    const folder = join(lab.folder, "network");
    await fs.mkdir(folder, { mode: 0o700 });
    const cacheFolder = join(lab.folder, "cache");
    await fs.mkdir(cacheFolder);
    const enter = (...command: string[]) => lab.enter(...command);
    cache = await startBinaryCache({ folder: cacheFolder, address: lab.address, enter });
    const bootService = new BootService(lab);
    await bootService.start();
    const dnsmasq: Dnsmasq = await lab.startDnsmasq({ mode: "dhcp", httpPort: HTTP_PORT });
    forward = await forwardToLab(lab);
    return {
      lab,
      folder,
      cache,
      cacheKeyFile: join(cacheFolder, "cache-secret-key"),
      bootService,
      url: `http://127.0.0.1:${(forward.address() as AddressInfo).port}`,
      dnsmasqLog: () => dnsmasq.log(),
      async powerOn({ name, mac, firmware }) {
        const disk = join(lab.folder, `${name}.disk`);
        if (!existsSync(disk)) {
          await fs.writeFile(disk, "");
          await fs.truncate(disk, DISK_BYTES);
        }
        return lab.startMachine({ mac, firmware, disk, diskSerial: name, processors: 2 });
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The built boot service; its store outlives it. */
class BootService {
  readonly socket: string;
  readonly store: string;
  /** All that it has logged, JSON a line. */
  readonly log: string[] = [];
  readonly #lab: NetbootLab;
  #process: ChildProcess | undefined;

  constructor(lab: NetbootLab) {
    this.#lab = lab;
    this.socket = join(lab.folder, "api.sock");
    this.store = join(lab.folder, "store");
  }

  /** Resolves when it takes requests. */
  async start(): Promise<void> {
    const flags = {
      store: this.store,
      "grpc-socket": this.socket,
      "tftp-address": this.#lab.address,
      "http-address": this.#lab.address,
      "http-port": String(HTTP_PORT),
      "log-format": "json",
    };
    const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
    const [program, ...rest] = this.#lab.enter(join(binFolder, "nixops4-boot-server"), "serve", ...args);
    const child = spawn(program!, rest, { stdio: ["ignore", "ignore", "pipe"] });
    this.#process = child;
    const before = this.log.length;
    createInterface({ input: child.stderr }).on("line", (line) => this.log.push(line));
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!this.log.slice(before).some((line) => line.includes('"ready'))) {
      if (child.exitCode !== null || Date.now() > deadline) {
        throw new Error(`the boot service does not start:\n${this.log.slice(before).join("\n")}`);
      }
      await sleep(20);
    }
  }

  async kill(): Promise<void> {
    const exited = once(this.#process!, "exit");
    this.#process!.kill("SIGKILL");
    await exited;
  }
}

/** Makes the boot service's HTTP reachable from the host's loopback. */
async function forwardToLab(lab: NetbootLab): Promise<Server> {
  const server = createServer((client: Socket) => {
    const [program, ...args] = lab.enter("busybox", "nc", lab.address, String(HTTP_PORT));
    const relay = spawn(program!, args, { stdio: ["pipe", "pipe", "ignore"] });
    client.pipe(relay.stdin);
    relay.stdout.pipe(client);
    for (const stream of [client, relay.stdin, relay.stdout]) stream.on("error", () => {});
    client.on("close", () => relay.kill());
  });
  server.unref();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}
