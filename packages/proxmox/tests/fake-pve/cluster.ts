import { randomBytes } from "node:crypto";
import { Refusal } from "./request.ts";
import { Tasks } from "./tasks.ts";

export interface Guest {
  kind: "qemu" | "lxc";
  vmid: number;
  node: string;
  /** The active values. */
  config: Record<string, string>;
  /** The pending values, which a power cycle makes active; `undefined` deletes the key. */
  pending: Record<string, string | undefined>;
  status: "running" | "stopped";
  lock: string | undefined;
  snapshots: string[];
  /** Whether an agent runs in the guest, and whether the guest shuts down when requested. */
  hasAgent: boolean;
  heedsShutdown: boolean;
  /** The files in the guest that its agent can read, by path. */
  files: Map<string, string>;
  bootMs: number;
  /** The time between the shutdown and the start of a reboot. */
  restartMs: number;
  startedAt: number;
  /** The number of starts. */
  starts: number;
}

export interface Storage {
  name: string;
  content: string[];
  shared: boolean;
  /** The milliseconds until a new file is listed. */
  lagMs: number;
}

export interface Volume {
  id: string;
  content: string;
  bytes: number;
  sha256?: string;
  visibleAt: number;
}

export interface Token {
  secret: string;
  /** Path → privileges. All of them propagate. */
  acl: Record<string, string[]>;
}

interface Node {
  isOnline: boolean;
  bridges: string[];
}

export const GIB = 1024 ** 3;

/** The state of a cluster, and the rules that all parts of the API share. */
export class Cluster {
  version: "8.4" | "9.2" = "9.2";
  readonly nodes = new Map<string, Node>();
  readonly guests = new Map<number, Guest>();
  readonly storages = new Map<string, Storage>();
  readonly volumes = new Map<string, Volume>();
  readonly pools = new Map<string, { comment: string; storages: Set<string>; guests: Set<number> }>();
  readonly tokens = new Map<string, Token>();
  readonly ha = new Map<string, Record<string, string>>();
  readonly tasks = new Tasks();
  /** The behaviour of guests that are created from now on. */
  newGuests = { hasAgent: true, heedsShutdown: true, bootMs: 50, restartMs: 0 };

  addStorage(name: string, content: string[], { shared = false, lagMs = 0 } = {}): void {
    this.storages.set(name, { name, content, shared, lagMs });
  }

  addVolume(
    id: string,
    content: string,
    bytes: number,
    more: { sha256?: string; lagMs?: number } = {},
  ): Volume {
    const { lagMs = 0, ...rest } = more;
    const volume = { id, content, bytes, visibleAt: Date.now() + lagMs, ...rest };
    this.volumes.set(id, volume);
    return volume;
  }

  guest(kind: Guest["kind"], node: string, vmid: number): Guest {
    const guest = this.guests.get(vmid);
    if (guest === undefined || guest.kind !== kind || guest.node !== node) {
      const folder = kind === "qemu" ? "qemu-server" : "lxc";
      throw new Refusal(500, `Configuration file 'nodes/${node}/${folder}/${vmid}.conf' does not exist`);
    }
    return guest;
  }

  /** Reserves an ID with a locked, empty configuration. Throws if the ID is in use. */
  reserve(kind: Guest["kind"], node: string, vmid: number, lock: string): Guest {
    const taken = this.guests.get(vmid);
    const label = kind === "qemu" ? "VM" : "CT";
    if (taken !== undefined) {
      const other = taken.kind === "qemu" ? "VM" : "CT";
      throw new Refusal(
        500,
        `unable to create ${label} ${vmid} - ${other} ${vmid} already exists on node '${taken.node}'`,
      );
    }
    const guest: Guest = {
      kind,
      vmid,
      node,
      config: {},
      pending: {},
      status: "stopped",
      lock,
      snapshots: [],
      files: new Map(),
      startedAt: 0,
      starts: 0,
      ...this.newGuests,
    };
    this.guests.set(vmid, guest);
    return guest;
  }

  nextId(): number {
    let id = 100;
    while (this.guests.has(id)) id++;
    return id;
  }

  /** Allocates a volume of a guest. Throws if the storage does not accept the content. */
  allocate(storage: string, vmid: number, kind: string, content: string, bytes: number): Volume {
    const { content: allowed } = this.storage(storage);
    if (!allowed.includes(content))
      throw new Error(`storage '${storage}' does not support content-type '${content}'`);
    let number = 0;
    const name = (n: number) => `${storage}:vm-${vmid}-${kind}${kind === "cloudinit" ? "" : `-${n}`}`;
    if (kind !== "cloudinit") while (this.volumes.has(name(number))) number++;
    return this.addVolume(name(number), content, bytes);
  }

  storage(name: string): Storage {
    const storage = this.storages.get(name);
    if (storage === undefined) throw new Refusal(500, `storage '${name}' does not exist`);
    return storage;
  }

  poolOf(vmid: number): string | undefined {
    return [...this.pools].find(([, { guests }]) => guests.has(vmid))?.[0];
  }

  newMac(): string {
    return [
      "BC",
      "24",
      "11",
      ...[...randomBytes(3)].map((byte) => byte.toString(16).padStart(2, "0").toUpperCase()),
    ].join(":");
  }

  refuseLocked(guest: Guest): void {
    const label = guest.kind === "qemu" ? "VM" : "CT";
    if (guest.lock !== undefined) throw new Refusal(500, `${label} is locked (${guest.lock})`);
  }
}

export function sizeText(bytes: number): string {
  for (const [unit, factor] of [
    ["T", 1024 * GIB],
    ["G", GIB],
    ["M", 1024 ** 2],
    ["K", 1024],
  ] as const) {
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${unit}`;
  }
  return String(bytes);
}

export function sizeBytes(text: string): number {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)([KMGT]?)$/.exec(text)!;
  const factor = { "": 1, K: 1024, M: 1024 ** 2, G: GIB, T: 1024 * GIB }[unit]!;
  return Math.round(Number(number) * factor);
}
