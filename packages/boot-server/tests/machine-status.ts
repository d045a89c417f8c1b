import type { EntryStatus, MachineStatus } from "../src/core/api.ts";

/** Returns the status of a machine without an entry. */
export function undeclared(mac: string, more: Partial<MachineStatus> = {}): MachineStatus {
  return {
    mac,
    entry: undefined,
    address: undefined,
    facts: undefined,
    lastSeenAt: undefined,
    downloads: [],
    timeline: [],
    advice: [],
    ...more,
  };
}

/** Returns the status of a machine with an entry in the given phase. */
export function declared(
  id: string,
  phase: EntryStatus["phase"],
  more: Partial<MachineStatus> = {},
  ofEntry: Partial<EntryStatus> = {},
): MachineStatus {
  const entry: EntryStatus = {
    id,
    phase,
    generation: 1,
    attempt: 0,
    architecture: "x86_64",
    armedAt: 0,
    expiresAt: 0,
    bootedAt: undefined,
    claimedAt: undefined,
    endedAt: undefined,
    reason: undefined,
    report: undefined,
    ...ofEntry,
  };
  return { ...undeclared(`mac of ${id}`), entry, ...more };
}
