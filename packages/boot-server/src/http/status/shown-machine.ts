import type { MachineStatus, ServiceStatus } from "../../core/api.ts";

/** A machine as it stands on the page: all network cards of an entry are one. */
export interface ShownMachine extends Omit<MachineStatus, "mac"> {
  /** Stays the same as long as it is the same machine. */
  key: string;
  /** The one that was seen last comes first. */
  macs: string[];
}

/** The status as it stands on the page. */
export interface Shown extends Pick<ServiceStatus, "at" | "startedAt"> {
  machines: ShownMachine[];
}

/** The network cards of one entry put together; what is known of the machine comes from the card seen last. */
export function shownMachines(cards: readonly MachineStatus[]): ShownMachine[] {
  const machines = new Map<string, MachineStatus[]>();
  for (const card of cards) {
    // Left over from an entry that was deleted.
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
  const known = { ...rest, lastSeenAt: lastSeen(latest!) };
  if (sorted.length === 1) return { ...known, macs: [latest!.mac] };
  return {
    ...known,
    macs: sorted.map(({ mac }) => mac),
    timeline: merged(sorted.map(({ timeline }) => timeline)),
    advice: [...new Set(sorted.flatMap(({ advice }) => advice))],
  };
}

/** What an installer says is a sign of life too, also when the server has been restarted since. */
function lastSeen({ lastSeenAt, entry }: MachineStatus): number | undefined {
  const seen = [lastSeenAt, entry?.bootedAt, entry?.claimedAt, entry?.report?.reportedAt];
  const times = seen.filter((at) => at !== undefined);
  return times.length === 0 ? undefined : Math.max(...times);
}

/** What happens to the entry is in the timeline of each of its cards. */
function merged(timelines: MachineStatus["timeline"][]): MachineStatus["timeline"] {
  const items = new Map(timelines.flat().map((item) => [`${item.at} ${item.text}`, item]));
  return [...items.values()].toSorted((a, b) => a.at - b.at);
}
