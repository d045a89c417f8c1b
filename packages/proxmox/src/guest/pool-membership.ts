import { ProviderError } from "@nixops4-providers/provider-sdk";
import type { PveClient } from "../client/client.ts";
import { type Guest, labelOf } from "./guest.ts";

interface Pool {
  poolid: string;
  members?: { vmid?: number }[];
}

/** Puts a guest into a pool, taken from the one that it was in; out of `previous` where none is wanted. */
export async function syncPool(
  client: PveClient,
  guest: Guest,
  wanted: string | undefined,
  previous: string | undefined,
): Promise<void> {
  if (wanted === undefined) {
    if (previous !== undefined && (await isMember(client, guest, previous)))
      await change(client, guest, previous, true);
    return;
  }
  if (await isMember(client, guest, wanted)) return;
  await change(client, guest, wanted, false);
  // A change that did nothing is answered with success.
  if (await isMember(client, guest, wanted)) return;
  throw new ProviderError(`Proxmox VE accepted ${labelOf(guest)} for the pool ${wanted} and did not add it`, {
    path: "pool",
  });
}

async function change(client: PveClient, { vmid }: Guest, poolid: string, isRemoval: boolean): Promise<void> {
  const mode = isRemoval ? { delete: true } : { "allow-move": true };
  await client.request("PUT", "/pools", { poolid, vms: vmid, ...mode });
}

async function isMember(client: PveClient, { vmid }: Guest, poolid: string): Promise<boolean> {
  const pools = await client.get<Pool[]>("/pools", { poolid });
  return pools.some(({ members = [] }) => members.some((member) => Number(member.vmid) === vmid));
}
