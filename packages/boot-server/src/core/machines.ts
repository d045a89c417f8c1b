import { readFile } from "node:fs/promises";
import type { MachineFacts, MachineStatus, Sighting, TimelineItem } from "./api.ts";
import type { Limits } from "./limits.ts";

/** What one machine has been seen doing since the server started. */
export interface Machine {
  mac: string;
  address: string | undefined;
  facts: Omit<MachineFacts, "address"> | undefined;
  lastSeenAt: number | undefined;
  downloads: Map<string, MachineStatus["downloads"][number]>;
  timeline: (TimelineItem & { download?: string | undefined })[];
  /** When it last asked for its script, and from which addresses it has done so. */
  scriptAt: number | undefined;
  scriptAddresses: Set<string>;
  problems: Map<NonNullable<Sighting["problem"]>, { at: number; text: string }>;
}

const TIMELINE_ITEMS = 50;
const DOWNLOADS = 16;
const ARP_TABLE_AGE_MS = 1_000;

type UnknownLimits = Pick<Limits, "maxUnknown" | "maxUnknownPerAddress">;

/** Machines by MAC address, kept in memory only; the one that was seen last comes last. */
export class Machines {
  readonly #machines = new Map<string, Machine>();
  readonly #macs = new Map<string, string>();
  readonly #limits: UnknownLimits;
  readonly #isDeclared: (mac: string) => boolean;
  #arp: { at: number; table: Promise<Map<string, string>> } | undefined;

  constructor(limits: UnknownLimits, isDeclared: (mac: string) => boolean) {
    this.#limits = limits;
    this.#isDeclared = isDeclared;
  }

  all(): Machine[] {
    return [...this.#machines.values()];
  }

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

  /** Whose address it is, as far as is known. */
  async macOf(address: string, now: number): Promise<string | undefined> {
    const mac = this.#macs.get(address);
    if (mac !== undefined) return mac;
    if (this.#arp === undefined || now - this.#arp.at > ARP_TABLE_AGE_MS) {
      this.#arp = { at: now, table: readArpTable() };
    }
    return (await this.#arp.table).get(address);
  }

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

  note(mac: string, text: string, at: number, download?: string): void {
    const { timeline } = this.get(mac);
    timeline.push({ at, text, download });
    if (timeline.length > TIMELINE_ITEMS) timeline.shift();
  }

  askedForScript(mac: string, { address, ...facts }: MachineFacts, at: number): void {
    const machine = this.#seen(mac, at);
    machine.facts = facts;
    machine.scriptAt = at;
    machine.scriptAddresses.add(address);
    const [oldest] = machine.scriptAddresses;
    if (machine.scriptAddresses.size > 8) machine.scriptAddresses.delete(oldest!);
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
    // One host that makes up MAC addresses does not push out what others have.
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

async function readArpTable(): Promise<Map<string, string>> {
  const text = await readFile("/proc/net/arp", "utf8").catch(() => "");
  const rows = text
    .split("\n")
    .slice(1)
    .map((line) => line.split(/\s+/));
  return new Map(
    rows.filter(([, , flags]) => flags !== undefined && flags !== "0x0").map((row) => [row[0]!, row[3]!]),
  );
}
