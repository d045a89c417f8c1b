import { ProviderError } from "@nixops4-providers/provider-sdk";
import type { PveClient } from "../client/client.ts";
import { PveError, TaskError } from "../client/errors.ts";

const ATTEMPTS = 100;

/** Creates a guest with this ID or, if none is given, with the next free one. Returns the ID. */
export function createGuest(
  client: PveClient,
  vmid: number | undefined,
  create: (vmid: number) => Promise<void>,
): Promise<number> {
  return vmid === undefined ? withFreeId(client, create) : createWithId(create, vmid);
}

async function createWithId(create: (vmid: number) => Promise<void>, vmid: number): Promise<number> {
  try {
    await create(vmid);
    return vmid;
  } catch (error) {
    if (!isTaken(error)) throw error;
    throw new ProviderError(`the ID ${vmid} was taken by another guest in the meantime`, {
      path: "vmid",
      cause: error,
    });
  }
}

/**
 * Creates a guest with the next free ID. Only the creation reserves the ID: if another run is faster, the next ID is tried.
 */
async function withFreeId(client: PveClient, create: (vmid: number) => Promise<void>): Promise<number> {
  let least = 0;
  for (let attempt = 1; ; attempt++) {
    const next = Number(await client.get<string>("/cluster/nextid"));
    const vmid = Math.max(next, least);
    try {
      await create(vmid);
      return vmid;
    } catch (error) {
      if (!isTaken(error) || attempt === ATTEMPTS) throw error;
      least = vmid + 1;
    }
  }
}

/** Whether an error says that the ID or the name is in use. */
export function isTaken(error: unknown): boolean {
  if (error instanceof TaskError) return /\b(VM|CT) \d+ already exists/.test(error.exitStatus);
  return error instanceof PveError && error.isTaken;
}
