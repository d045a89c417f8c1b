import type { MachineFacts, MachineStatus, Sighting, TimelineItem } from "./api.ts";
import { ArpTable } from "./arp-table.ts";
import type { Limits } from "./limits.ts";

/** The activity of one machine since the server started. */
export interface Machine {
  mac: string;
  address: string | undefined;
  facts: Omit<MachineFacts, "address"> | undefined;
  lastSeenAt: number | undefined;
  downloads: Map<string, MachineStatus["downloads"][number]>;
  timeline: (TimelineItem & { download?: string | undefined })[];
  /** When the machine last requested its script, and the latest addresses that requested it. */
  scriptAt: number | undefined;
  scriptAddresses: Set<string>;
  problems: Map<NonNullable<Sighting["problem"]>, { at: number; text: string }>;
}

const TIMELINE_ITEMS = 50;
const DOWNLOADS = 16;
const SCRIPT_ADDRESSES = 8;

type UnknownLimits = Pick<Limits, "maxUnknown" | "maxUnknownPerAddress">;

/** The machines by MAC address, in the order in which they were last seen. In memory only. */
export class Machines {
  readonly #machines = new Map<string, Machine>();
  readonly #macs = new Map<string, string>();
  readonly #limits: UnknownLimits;
  readonly #isDeclared: (mac: string) => boolean;
  readonly #arp = new ArpTable();

  constructor(limits: UnknownLimits, isDeclared: (mac: string) => boolean) {
    this.#limits = limits;
    this.#isDeclared = isDeclared;
  }

  all(): Machine[] {
    return [...this.#machines.values()];
  }

  /** Returns a machine. Creates it if the server has not seen it. */
  get(mac: string): Machine {
    let machine = this.#machines.get(mac);
    if (machine === undefined) {
      machine = {
        mac,
        address: undefined,
        facts: undefined,
        lastSeenAt: undefined,
        downloads: new Map(),
        timeline: [],
        scriptAt: undefined,
        scriptAddresses: new Set(),
        problems: new Map(),
      };
      this.#machines.set(mac, machine);
      this.#forgetOldest(() => true, this.#limits.maxUnknown);
    }
    return machine;
  }

  /** Returns the MAC address of an IP address, as last seen by the server or else from the kernel's ARP table. */
  async macOf(address: string, now: number): Promise<string | undefined> {
    return this.#macs.get(address) ?? this.#arp.macOf(address, now);
  }

  /** Records a sighting, and adds a line to the timeline. */
  see(mac: string, sighting: Omit<Sighting, "mac">, at: number): void {
    const { address, text, download, problem } = sighting;
    const machine = this.#seen(mac, at);
    if (address !== undefined) this.#setAddress(machine, address);
    if (problem !== undefined) machine.problems.set(problem, { at, text });
    if (download !== undefined) {
      machine.downloads.delete(download.name);
      machine.downloads.set(download.name, { ...download, at });
      const [oldest] = machine.downloads.keys();
      if (machine.downloads.size > DOWNLOADS) machine.downloads.delete(oldest!);
    }
    const last = machine.timeline.at(-1);
    if (download !== undefined && last?.download === download.name) machine.timeline.pop();
    this.note(mac, text, at, download?.name);
  }

  /** Adds a line to the timeline. With `download`, later lines of the same download replace it. */
  note(mac: string, text: string, at: number, download?: string): void {
    const { timeline } = this.get(mac);
    timeline.push({ at, text, download });
    if (timeline.length > TIMELINE_ITEMS) timeline.shift();
  }

  /** Records a request for the script. Problems of earlier boots are forgotten. */
  askedForScript(mac: string, { address, ...facts }: MachineFacts, at: number): void {
    const machine = this.#seen(mac, at);
    machine.facts = facts;
    machine.scriptAt = at;
    machine.scriptAddresses.add(address);
    const [oldest] = machine.scriptAddresses;
    if (machine.scriptAddresses.size > SCRIPT_ADDRESSES) machine.scriptAddresses.delete(oldest!);
    machine.problems.clear();
    this.#setAddress(machine, address);
  }

  #seen(mac: string, at: number): Machine {
    const machine = this.get(mac);
    machine.lastSeenAt = at;
    this.#machines.delete(mac);
    this.#machines.set(mac, machine);
    return machine;
  }

  #setAddress(machine: Machine, address: string): void {
    this.#releaseAddress(machine);
    machine.address = address;
    this.#macs.set(address, machine.mac);
    // A host that invents MAC addresses must not push out the machines of others.
    this.#forgetOldest((other) => other.address === address, this.#limits.maxUnknownPerAddress);
  }

  #forgetOldest(among: (machine: Machine) => boolean, most: number): void {
    const unknown = this.all().filter((machine) => !this.#isDeclared(machine.mac) && among(machine));
    if (unknown.length <= most) return;
    const [oldest] = unknown;
    this.#machines.delete(oldest!.mac);
    this.#releaseAddress(oldest!);
  }

  #releaseAddress({ mac, address }: Machine): void {
    if (address !== undefined && this.#macs.get(address) === mac) this.#macs.delete(address);
  }
}
