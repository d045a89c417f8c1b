import type { MachineStatus, ServiceStatus } from "../../core/api.ts";

/** A machine on the page. The network cards of an entry are one machine. */
export interface ShownMachine extends Omit<MachineStatus, "mac"> {
  /** Identifies the machine in later revisions. */
  key: string;
  /** The card that was seen last comes first. */
  macs: string[];
}

/** The status on the page. */
export interface Shown extends Pick<ServiceStatus, "at" | "startedAt"> {
  machines: ShownMachine[];
}

/** Combines the network cards of each entry. Address and properties come from the card that was seen last. */
export function shownMachines(cards: readonly MachineStatus[]): ShownMachine[] {
  const machines = new Map<string, MachineStatus[]>();
  for (const card of cards) {
    // The card belonged to an entry that was deleted.
    if (card.entry === undefined && card.lastSeenAt === undefined) continue;
    const key = card.entry === undefined ? card.mac : `entry ${card.entry.id}`;
    machines.set(key, [...(machines.get(key) ?? []), card]);
  }
  return [...machines].map(([key, cards]) => ({ key, ...together(cards) }));
}

function together(cards: readonly MachineStatus[]): Omit<ShownMachine, "key"> {
  const sorted = cards.toSorted(
    (a, b) => (b.lastSeenAt ?? 0) - (a.lastSeenAt ?? 0) || (a.mac < b.mac ? -1 : 1),
  );
  const [latest] = sorted;
  const { mac: _, ...rest } = latest!;
  return {
    ...rest,
    lastSeenAt: lastSeen(latest!),
    macs: sorted.map(({ mac }) => mac),
    timeline: merged(sorted.map(({ timeline }) => timeline)),
    advice: [...new Set(sorted.flatMap(({ advice }) => advice))],
  };
}

/** Returns when the machine was last seen. Its reports count too, and survive a restart of the server. */
function lastSeen({ lastSeenAt, entry }: MachineStatus): number | undefined {
  const seen = [lastSeenAt, entry?.bootedAt, entry?.claimedAt, entry?.report?.reportedAt];
  const times = seen.filter((at) => at !== undefined);
  return times.length === 0 ? undefined : Math.max(...times);
}

/** Merges the timelines of the cards. Each of them has the events of the entry. */
function merged(timelines: MachineStatus["timeline"][]): MachineStatus["timeline"] {
  const items = new Map(timelines.flat().map((item) => [`${item.at} ${item.text}`, item]));
  return [...items.values()].toSorted((a, b) => a.at - b.at);
}
