import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isInstalled, labAvailable } from "./debian-root.ts";
import { dnsmasqConfig, type DnsmasqOptions } from "./netboot-dnsmasq.ts";
import { missingFirmware, startNetbootMachine, type NetbootMachineOptions } from "./netboot-machine.ts";
import { NetworkNamespace, removeOrphans } from "./netboot-namespace.ts";
import type { VirtualMachine } from "./qemu.ts";

/** A network with machines that boot from it. Everything in it ends with this process at the latest. */
export interface NetbootLab {
  /** The address for servers in the lab. */
  address: string;
  /** A folder for files of the test, which `stop` removes. */
  folder: string;
  /** Returns the program and arguments that run `command` inside the network. */
  enter(...command: string[]): string[];
  /** Runs a program inside the network, and resolves to its standard output. */
  run(...command: string[]): Promise<string>;
  /**
   * Starts dnsmasq, which points machines to a boot server at `address`. With `proxy`, another dnsmasq assigns the
   * addresses.
   */
  startDnsmasq(options: Pick<DnsmasqOptions, "mode" | "httpPort">): Promise<Dnsmasq>;
  startMachine(options: NetbootMachineOptions): Promise<VirtualMachine>;
  /** Limits the rate at which all machines together receive data; `undefined` removes the limit. */
  limitRate(mebibytesPerSecond: number | undefined): Promise<void>;
  stop(): Promise<void>;
}

export interface Dnsmasq {
  /** Resolves to the log so far. */
  log(): Promise<string>;
  stop(): Promise<void>;
}

const BRIDGE = "lan0";
const ADDRESS = "10.99.0.1";
const ROUTER = "10.99.0.2";
const NETWORK = "10.99.0.0";
const RANGE = "10.99.0.50,10.99.0.99";
const PROGRAMS = ["ip", "tc", "nsenter", "dnsmasq", "named"];
const DNSMASQ_TIMEOUT_MS = 10_000;

/** Settings that save time: iPXE waits 15 s for an IPv6 router, and dnsmasq pings addresses before it assigns them. */
const IN_A_HURRY = ["--enable-ra", "--dhcp-range=fd00:99::,ra-only", `--ra-param=${BRIDGE},4,0`, "--no-ping"];

/** Returns the reason why the lab cannot run here; `undefined` if it can. */
export function netbootLabAvailable(): string | undefined {
  const reason = labAvailable();
  if (reason !== undefined) return reason;
  if (!existsSync("/dev/net/tun")) return "there is no /dev/net/tun";
  const missing = [...PROGRAMS.filter((program) => !isInstalled(program)), ...missingFirmware()];
  if (missing.length > 0) return `not installed: ${missing.join(", ")}`;
  const { status } = spawnSync("unshare", ["--net", "true"]);
  return status === 0 ? undefined : "network namespaces are not permitted";
}

/** Starts a lab, and removes the namespaces that killed processes left behind. */
export async function startNetbootLab(): Promise<NetbootLab> {
  for (const name of await removeOrphans()) await rm(folderOf(name), { recursive: true, force: true });
  const network = await NetworkNamespace.create();
  const lab = new Lab(network);
  try {
    await mkdir(lab.folder, { mode: 0o700 });
    await lab.setUp();
    return lab;
  } catch (error) {
    await lab.stop();
    throw error;
  }
}

class Lab implements NetbootLab {
  readonly address = ADDRESS;
  readonly folder: string;
  readonly #network: NetworkNamespace;
  /** The network namespace of the DHCP server that runs beside a proxy. */
  #router: NetworkNamespace | undefined;
  readonly #machines: VirtualMachine[] = [];
  #count = 0;

  constructor(network: NetworkNamespace) {
    this.#network = network;
    this.folder = folderOf(network.name);
  }

  async setUp(): Promise<void> {
    await this.run("ip", "link", "add", BRIDGE, "type", "bridge");
    await this.run("ip", "address", "add", `${ADDRESS}/24`, "dev", BRIDGE);
    await this.run("ip", "address", "add", "fd00:99::1/64", "dev", BRIDGE, "nodad");
    await this.run("ip", "link", "set", BRIDGE, "up");
  }

  enter(...command: string[]): string[] {
    return this.#network.enter(...command);
  }

  run(...command: string[]): Promise<string> {
    return this.#network.run(...command);
  }

  async startDnsmasq({ mode, httpPort }: Pick<DnsmasqOptions, "mode" | "httpPort">): Promise<Dnsmasq> {
    const settings = { mode, interface: BRIDGE, server: ADDRESS, httpPort };
    if (mode === "dhcp") {
      return this.#startDnsmasq(this.#network, dnsmasqConfig({ ...settings, range: RANGE }), IN_A_HURRY);
    }
    const proxy = await this.#startDnsmasq(
      this.#network,
      dnsmasqConfig({ ...settings, range: NETWORK }),
      IN_A_HURRY,
    );
    const plain = `port=0\ndhcp-range=${RANGE},12h\n`;
    const router = await this.#startDnsmasq(await this.#addRouter(), plain, ["--no-ping"]);
    return {
      log: async () => (await Promise.all([proxy.log(), router.log()])).join(""),
      stop: async () => {
        await Promise.all([proxy.stop(), router.stop()]);
      },
    };
  }

  async startMachine(options: NetbootMachineOptions): Promise<VirtualMachine> {
    const number = (this.#count += 1);
    const tap = `tap${number}`;
    await this.run("ip", "tuntap", "add", tap, "mode", "tap");
    await this.run("ip", "link", "set", tap, "master", BRIDGE, "up");
    const folder = join(this.folder, `machine-${number}`);
    await mkdir(folder);
    const machine = await startNetbootMachine(this.#network, folder, tap, options);
    this.#machines.push(machine);
    return machine;
  }

  async limitRate(mebibytesPerSecond: number | undefined): Promise<void> {
    if (mebibytesPerSecond === undefined) await this.run("tc", "qdisc", "delete", "dev", BRIDGE, "root");
    else {
      const bucket = ["rate", `${mebibytesPerSecond * 8}mibit`, "burst", "64k", "latency", "200ms"];
      await this.run("tc", "qdisc", "replace", "dev", BRIDGE, "root", "tbf", ...bucket);
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#machines.map(async (machine) => machine.stop()));
    await this.#network.remove();
    await this.#router?.remove();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #addRouter(): Promise<NetworkNamespace> {
    if (this.#router !== undefined) return this.#router;
    const router = (this.#router = await NetworkNamespace.create());
    const peer = ["peer", "name", BRIDGE, "netns", router.name];
    await this.run("ip", "link", "add", "router", "type", "veth", ...peer);
    await this.run("ip", "link", "set", "router", "master", BRIDGE, "up");
    await router.run("ip", "address", "add", `${ROUTER}/24`, "dev", BRIDGE);
    await router.run("ip", "link", "set", BRIDGE, "up");
    return router;
  }

  async #startDnsmasq(network: NetworkNamespace, config: string, extra: string[]): Promise<Dnsmasq> {
    const name = join(this.folder, `dnsmasq-${(this.#count += 1)}`);
    await writeFile(`${name}.conf`, config);
    const files = [`--conf-file=${name}.conf`, `--dhcp-leasefile=${name}.leases`, "--pid-file="];
    const logging = ["--log-dhcp", `--log-facility=${name}.log`];
    const settings = ["--keep-in-foreground", "--user=root", ...files, ...logging, ...extra];
    const [program, ...args] = network.enter("dnsmasq", ...settings);
    const child = spawn(program!, args, { stdio: ["ignore", "ignore", "inherit"] });
    const exited = once(child, "exit");
    const log = () => readFile(`${name}.log`, "utf8").catch(() => "");
    const deadline = Date.now() + DNSMASQ_TIMEOUT_MS;
    while (!/DHCP, (IP range|proxy)/.test(await log())) {
      if (child.exitCode !== null || Date.now() > deadline) {
        throw new Error(`dnsmasq does not start:\n${await log()}`);
      }
      await sleep(20);
    }
    return {
      log,
      stop: async () => {
        child.kill();
        await exited;
      },
    };
  }
}

function folderOf(name: string): string {
  return join(tmpdir(), name);
}
