import { join } from "node:path";
import type { VirtualMachine } from "@nixops4-providers/test-servers";
import { installerImage } from "../../lab/installer-image.ts";
import { startLandscaper, type Landscaper } from "../../lab/landscaper.ts";
import type { TimedEvent } from "./deployer.ts";
import { DeployerProcess } from "./deployer-process.ts";
import { deployKeyFile, type Host, type Network } from "./deployment.ts";
import { Observer } from "./observer.ts";

export const HOST1: Host = { mac: "52:54:00:12:34:56", ip: "10.99.0.11" };
export const HOST2: Host = { mac: "52:54:00:12:34:57", ip: "10.99.0.12" };

/** The landscaper, its network, and the machines that were powered on. */
export class BareMetal {
  readonly landscaper: Landscaper;
  readonly observer: Observer;
  /** The network. Tests change it like an operator changes `network.nix`. */
  network: Network;
  readonly machines = new Map<string, VirtualMachine>();
  /** The times in milliseconds since 1970. */
  readonly poweredOn = new Map<string, number>();
  /** All deployers, in order. */
  readonly deployers: DeployerProcess[] = [];

  /** Starts a scenario with one declared host. No machine is on. */
  static async start(): Promise<BareMetal> {
    const installer = await installerImage();
    const landscaper = await startLandscaper();
    const { folder, bootService, cache, nameServer } = landscaper;
    return new BareMetal(landscaper, {
      folder,
      socket: bootService.socket,
      cache: { url: cache.url, publicKeyFile: cache.publicKeyFile },
      installer,
      dns: { zone: nameServer.zone, server: nameServer.server },
      hosts: { host1: HOST1 },
      text: "version 1",
    });
  }

  private constructor(landscaper: Landscaper, network: Network) {
    this.landscaper = landscaper;
    this.network = network;
    this.observer = new Observer(landscaper);
  }

  apply(onEvent?: (event: TimedEvent) => void): DeployerProcess {
    const deployer = new DeployerProcess(this.landscaper, this.network, onEvent);
    this.deployers.push(deployer);
    return deployer;
  }

  async powerOn(name: string, firmware: "bios" | "efi"): Promise<VirtualMachine> {
    const { mac } = this.network.hosts[name]!;
    this.poweredOn.set(name, Date.now());
    const machine = await this.landscaper.powerOn({ name, mac, firmware });
    this.machines.set(name, machine);
    return machine;
  }

  /** Returns the output of a command on a host that must have this host key. */
  async ssh(name: string, hostPublicKey: string, command: string): Promise<string> {
    const { ip } = this.network.hosts[name]!;
    const options = [
      "BatchMode=yes",
      "StrictHostKeyChecking=yes",
      `KnownHostsCommand=/bin/echo ${ip} ${hostPublicKey}`,
      "UserKnownHostsFile=/dev/null",
      "GlobalKnownHostsFile=/dev/null",
      `IdentityFile=${deployKeyFile(this.network)}`,
      "IdentitiesOnly=yes",
    ].flatMap((option) => ["-o", option]);
    return this.landscaper.lab.run("ssh", "-F", "none", ...options, `root@${ip}`, command);
  }

  /** Returns the outputs of a member from the last apply that completed it. */
  outputsOf(member: string): Record<string, unknown> | undefined {
    const events = this.deployers.flatMap((deployer) => deployer.events);
    const done = events.filter((event) => "action" in event && event.member === member);
    return done.map((event) => ("action" in event ? event.outputs : {})).at(-1);
  }

  get stateFile(): string {
    return join(this.network.folder, "state.json");
  }

  async stop(): Promise<void> {
    this.observer.stop();
    await this.landscaper.stop();
  }
}
