import type { PveClient } from "../client/client.ts";
import { PveError, TaskError } from "../client/errors.ts";

const ATTEMPTS = 100;

/**
 * Makes a guest with the next free ID. Nothing reserves an ID but making the guest: who comes second tries the next.
 */
export async function withFreeId(client: PveClient, make: (vmid: number) => Promise<void>): Promise<number> {
  let least = 0;
  for (let attempt = 1; ; attempt++) {
    const next = Number(await client.get<string>("/cluster/nextid"));
    const vmid = Math.max(next, least);
    try {
      await make(vmid);
      return vmid;
    } catch (error) {
      if (!isTaken(error) || attempt === ATTEMPTS) throw error;
      least = vmid + 1;
    }
  }
}

export function isTaken(error: unknown): boolean {
  if (error instanceof TaskError)
    return /already exists/.test(error.exitStatus) && /\b(VM|CT) \d+ already exists/.test(error.exitStatus);
  return error instanceof PveError && error.isTaken;
}
