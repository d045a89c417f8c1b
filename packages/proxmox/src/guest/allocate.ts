import { ProviderError } from "@nixops4-providers/provider-sdk";
import type { PveClient } from "../client/client.ts";
import { PveError, TaskError } from "../client/errors.ts";

const ATTEMPTS = 100;

/** Makes a guest with this ID or, where none is given, with a free one. Returns the ID. */
export function makeGuest(
  client: PveClient,
  vmid: number | undefined,
  make: (vmid: number) => Promise<void>,
): Promise<number> {
  return vmid === undefined ? withFreeId(client, make) : makeWithId(make, vmid);
}

async function makeWithId(make: (vmid: number) => Promise<void>, vmid: number): Promise<number> {
  try {
    await make(vmid);
    return vmid;
  } catch (error) {
    if (!isTaken(error)) throw error;
    throw new ProviderError(`the ID ${vmid} was just taken by somebody else`, { path: "vmid", cause: error });
  }
}

/**
 * Makes a guest with the next free ID. Nothing reserves an ID but making the guest: who comes second tries the next.
 */
async function withFreeId(client: PveClient, make: (vmid: number) => Promise<void>): Promise<number> {
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
