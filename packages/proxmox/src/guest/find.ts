import { ProviderError, sleep } from "@nixops4-providers/provider-sdk";
import type { PveClient } from "../client/client.ts";
import { PveError } from "../client/errors.ts";
import type { Facts } from "./facts.ts";
import { type Guest, type Kind, labelOf, pathOf } from "./guest.ts";

export interface Listed {
  vmid: number;
  node: string;
  type: Kind;
  name?: string;
  lock?: string;
}

/** What the cluster says of its guests; it may be late by some seconds. */
export function listCluster(client: PveClient): Promise<Listed[]> {
  return client.get("/cluster/resources", { type: "vm" });
}

/** What each node that is online says of its own guests: that is never late. */
async function listNodes(client: PveClient, facts: Facts, kind: Kind): Promise<Listed[]> {
  const online = (await facts.nodes()).filter(({ status }) => status === "online");
  const lists = await Promise.all(
    online.map(async ({ node }) => {
      const guests = await client.get<Omit<Listed, "node" | "type">[]>(`/nodes/${node}/${kind}`);
      return guests.map((guest) => ({ ...guest, node, type: kind }));
    }),
  );
  return lists.flat();
}

/** Where a guest is now, whatever node it was on. That it is nowhere is believed only of the nodes themselves. */
export async function locate(
  client: PveClient,
  facts: Facts,
  kind: Kind,
  vmid: number,
  hint: string | undefined,
): Promise<Guest | undefined> {
  if (hint !== undefined && (await exists(client, { kind, node: hint, vmid })))
    return { kind, node: hint, vmid };
  const listed = (await listCluster(client)).find((guest) => guest.vmid === vmid && guest.type === kind);
  if (listed !== undefined && (await exists(client, { kind, node: listed.node, vmid }))) {
    return { kind, node: listed.node, vmid };
  }
  const own = (await listNodes(client, facts, kind)).find((guest) => guest.vmid === vmid);
  if (own !== undefined) return { kind, node: own.node, vmid };
  await refuseOffline(facts, { kind, vmid });
  return undefined;
}

async function exists(client: PveClient, guest: Guest): Promise<boolean> {
  try {
    await client.get(`${pathOf(guest)}/status/current`);
    return true;
  } catch (error) {
    if (error instanceof PveError && error.isNotFound) return false;
    throw error;
  }
}

async function refuseOffline(facts: Facts, guest: { kind: Kind; vmid: number }): Promise<void> {
  const offline = (await facts.nodes()).filter(({ status }) => status !== "online").map(({ node }) => node);
  if (offline.length === 0) return;
  throw new ProviderError(`cannot tell whether ${labelOf(guest)} is gone: ${offline.join(", ")} is offline`, {
    hint: "Nothing was changed. Apply again when all nodes are online.",
  });
}

const BEING_MADE = ["create", "clone"];
const POLL_SECONDS = 0.2;

/**
 * The guests of a name. One that is just being made has no name yet: it may be what an earlier run asked for, so its
 * name is waited for.
 */
export async function findByName(
  client: PveClient,
  facts: Facts,
  kind: Kind,
  name: string,
  timeoutSeconds: number,
): Promise<Guest[]> {
  const start = performance.now();
  for (;;) {
    const guests = await listNodes(client, facts, kind);
    const named = guests.filter((guest) => guest.name === name);
    const unnamed = guests.find(({ name, lock = "" }) => name === undefined && BEING_MADE.includes(lock));
    if (named.length > 0 || unnamed === undefined)
      return named.map(({ node, vmid }) => ({ kind, node, vmid }));
    if (performance.now() - start > timeoutSeconds * 1000) {
      throw new ProviderError(
        `${labelOf({ kind, vmid: unnamed.vmid })} is still being made after ${timeoutSeconds} s`,
        {
          hint: `It may be "${name}": wait until its task is done, or remove it when no task is left, and apply again.`,
        },
      );
    }
    await sleep(POLL_SECONDS, client.context.signal);
  }
}
