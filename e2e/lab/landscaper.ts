import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import * as fs from "node:fs/promises";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { join } from "node:path";
import {
  startNetbootLab,
  type Dnsmasq,
  type NetbootLab,
  type VirtualMachine,
} from "@nixops4-providers/test-servers";
import { startBinaryCache, type BinaryCache } from "./binary-cache.ts";
import { BootService } from "./boot-service.ts";
import { type NameServer, startNameServer } from "./name-server.ts";

interface PowerOnOptions {
  /** The name in the disk's file name and serial number. The disk is made on first use. */
  name: string;
  mac: string;
  firmware: "bios" | "efi";
}

/**
 * The landscaper in a network namespace: dnsmasq, the boot service, a binary cache, and machines that boot from the
 * network. Everything ends with this process at the latest.
 */
export interface Landscaper {
  lab: NetbootLab;
  /** The folder for files of the deployment. */
  folder: string;
  cache: BinaryCache;
  /** The file with the private key of `cache`. */
  cacheKeyFile: string;
  nameServer: NameServer;
  bootService: BootService;
  /** The URL of the boot service's HTTP server, on the host's loopback. */
  url: string;
  dnsmasqLog(): Promise<string>;
  /** Powers on a machine, which always tries the network before the disk. */
  powerOn(options: PowerOnOptions): Promise<VirtualMachine>;
  stop(): Promise<void>;
}

const HTTP_PORT = 8080;
const TFTP_PORT = 69;
const DISK_BYTES = 3 * 2 ** 30;

export async function startLandscaper(): Promise<Landscaper> {
  const lab = await startNetbootLab();
  let cache: BinaryCache | undefined;
  let forward: Server | undefined;
  let nameServer: NameServer | undefined;
  const stop = async () => {
    forward?.close();
    await cache?.stop();
    await nameServer?.dns.stop();
    await lab.stop();
  };
  try {
    const folder = join(lab.folder, "network");
    await fs.mkdir(folder, { mode: 0o700 });
    const cacheFolder = join(lab.folder, "cache");
    await fs.mkdir(cacheFolder);
    const enter = (...command: string[]) => lab.enter(...command);
    cache = await startBinaryCache({ folder: cacheFolder, address: lab.address, enter });
    nameServer = await startNameServer({ folder: join(lab.folder, "dns"), address: lab.address, enter });
    const bootService = new BootService({
      folder: lab.folder,
      address: lab.address,
      httpPort: HTTP_PORT,
      tftpPort: TFTP_PORT,
      enter,
    });
    await bootService.start();
    const dnsmasq: Dnsmasq = await lab.startDnsmasq({ mode: "dhcp", httpPort: HTTP_PORT });
    forward = await forwardToLab(lab);
    return {
      lab,
      folder,
      cache,
      nameServer,
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

/** Makes the boot service's HTTP server reachable on the host's loopback. */
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
