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

/** Lists the guests of the cluster. The list may lag by some seconds. */
export function listCluster(client: PveClient): Promise<Listed[]> {
  return client.get("/cluster/resources", { type: "vm" });
}

/** Lists the guests of each node that is online. These lists do not lag. */
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

/**
 * Finds a guest on any node, first on `hint`. Only the lists of all nodes prove that it does not exist: throws when a node
 * is offline.
 */
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

export async function exists(client: PveClient, guest: Guest): Promise<boolean> {
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
  throw new ProviderError(
    `cannot determine whether ${labelOf(guest)} is gone: ${offline.join(", ")} is offline`,
    {
      hint: "Nothing was changed. Apply again when all nodes are online.",
    },
  );
}

/** The lists contain such a name where there is none. */
const NO_NAME = /^(VM |CT)\d+$/;
const BEING_CREATED = ["create", "clone"];
const POLL_SECONDS = 0.2;

/**
 * Finds the guests with a name. A guest that is being created has no name yet, and may be from an earlier run: waits for
 * its name.
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
    const unnamed = guests.find(({ name, lock = "" }) => isUnnamed(name) && BEING_CREATED.includes(lock));
    if (named.length > 0 || unnamed === undefined)
      return named.map(({ node, vmid }) => ({ kind, node, vmid }));
    if (performance.now() - start > timeoutSeconds * 1000) {
      throw new ProviderError(
        `${labelOf({ kind, vmid: unnamed.vmid })} is still being created after ${timeoutSeconds} s`,
        {
          hint: `It may be "${name}". Wait for its task, or delete it if no task is running, and apply again.`,
        },
      );
    }
    await sleep(POLL_SECONDS, client.context.signal);
  }
}

function isUnnamed(name: string | undefined): boolean {
  return name === undefined || NO_NAME.test(name);
}
