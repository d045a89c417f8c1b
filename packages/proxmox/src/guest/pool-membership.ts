import { ProviderError } from "@nixops4-providers/provider-sdk";
import type { PveClient } from "../client/client.ts";
import { type Guest, labelOf } from "./guest.ts";

interface Pool {
  poolid: string;
  members?: { vmid?: number }[];
}

/** Moves a guest into a pool; without one, removes it from the previous pool. */
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
  // Proxmox VE also reports success if it changed nothing.
  if (await isMember(client, guest, wanted)) return;
  throw new ProviderError(
    `Proxmox VE reported success, but did not add ${labelOf(guest)} to the pool ${wanted}`,
    {
      path: "pool",
    },
  );
}

async function change(client: PveClient, { vmid }: Guest, poolid: string, isRemoval: boolean): Promise<void> {
  const mode = isRemoval ? { delete: true } : { "allow-move": true };
  await client.request("PUT", "/pools", { poolid, vms: vmid, ...mode });
}

async function isMember(client: PveClient, { vmid }: Guest, poolid: string): Promise<boolean> {
  const pools = await client.get<Pool[]>("/pools", { poolid });
  return pools.some(({ members = [] }) => members.some((member) => Number(member.vmid) === vmid));
}
