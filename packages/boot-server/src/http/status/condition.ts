import type { Phase } from "../../core/model.ts";
import type { ShownMachine } from "./shown-machine.ts";

/** The condition of a machine on the page: the phase of its entry, or `unknown`. */
export type Condition = Phase | "unknown";

export const CONDITION_NAMES: Record<Condition, string> = {
  failed: "Failed",
  refused: "Refused",
  interrupted: "Interrupted",
  installing: "Installing",
  booting: "Booting",
  armed: "Armed",
  expired: "Expired",
  installed: "Installed",
  unknown: "Unknown",
};

export function conditionOf(machine: ShownMachine): Condition {
  return machine.entry?.phase ?? "unknown";
}

export function needsAttention(machine: ShownMachine): boolean {
  return hasFailed(machine) || machine.advice.length > 0;
}

/** Sorts the machines: those that need attention first, then active ones, and unknown ones last, the latest seen first. */
export function inOrder(machines: readonly ShownMachine[]): ShownMachine[] {
  return machines.toSorted(
    (a, b) => rank(a) - rank(b) || latestUnknown(a, b) || compare(nameOf(a), nameOf(b)),
  );
}

/** Returns the id of the entry, or the MAC address of a machine without an entry. */
export function nameOf(machine: ShownMachine): string {
  return machine.entry?.id ?? machine.macs[0]!;
}

function hasFailed(machine: ShownMachine): boolean {
  return ["failed", "refused", "interrupted"].includes(conditionOf(machine));
}

const RANKS: Record<Condition, number> = {
  failed: 0,
  refused: 0,
  interrupted: 0,
  installing: 2,
  booting: 2,
  armed: 3,
  expired: 4,
  installed: 5,
  unknown: 6,
};

function rank(machine: ShownMachine): number {
  const ofCondition = RANKS[conditionOf(machine)];
  return machine.advice.length > 0 ? Math.min(ofCondition, 1) : ofCondition;
}

function latestUnknown(a: ShownMachine, b: ShownMachine): number {
  return a.entry === undefined && b.entry === undefined ? (b.lastSeenAt ?? 0) - (a.lastSeenAt ?? 0) : 0;
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
