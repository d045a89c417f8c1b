import { sleep } from "@nixops4-providers/provider-sdk";
import type { PveClient } from "../client/client.ts";
import { type Guest, pathOf } from "./guest.ts";

/** The observed state of a guest. */
export interface Observed extends Guest {
  /** The value of each key. Of a pending change, the new value. */
  readonly values: ReadonlyMap<string, string>;
  /** The keys with a pending change. */
  readonly pendingKeys: ReadonlySet<string>;
  readonly isRunning: boolean;
  readonly isHaManaged: boolean;
  /** Whether it is being created or cloned, and its configuration is not complete. */
  readonly isBeingCreated: boolean;
}

interface Pending {
  key: string;
  value?: string | number;
  pending?: string | number;
  delete?: number;
}

interface CurrentStatus {
  status: string;
  lock?: string;
  ha?: { managed?: number };
}

/** Reads the configuration of a guest, its pending changes and its status. */
export async function observe(client: PveClient, guest: Guest): Promise<Observed> {
  const path = pathOf(guest);
  const [entries, status] = await Promise.all([
    client.get<Pending[]>(`${path}/pending`),
    client.get<CurrentStatus>(`${path}/status/current`),
  ]);
  const values = entries
    .filter(({ key, delete: deleted = 0 }) => deleted === 0 && key !== "digest")
    .map(({ key, value, pending }) => [key, String(pending ?? value ?? "")] as const);
  const pendingKeys = entries.filter(
    ({ pending, delete: deleted = 0 }) => pending !== undefined || deleted !== 0,
  );
  return {
    kind: guest.kind,
    node: guest.node,
    vmid: guest.vmid,
    values: new Map(values),
    pendingKeys: new Set(pendingKeys.map(({ key }) => key)),
    isRunning: status.status === "running",
    isHaManaged: status.ha?.managed === 1,
    isBeingCreated: status.lock === "create" || status.lock === "clone",
  };
}

/** Observes a guest until `isDone` or the timeout. Returns the last observation. */
export async function observeUntil(
  client: PveClient,
  guest: Guest,
  timeoutSeconds: number,
  isDone: (seen: Observed) => boolean,
): Promise<Observed> {
  const start = performance.now();
  for (;;) {
    const seen = await observe(client, guest);
    if (isDone(seen) || performance.now() - start > timeoutSeconds * 1000) return seen;
    await sleep(0.2, client.context.signal);
  }
}
