import { type Context, type ConvergeRequest, ProviderError } from "@nixops4-providers/provider-sdk";
import type { PveClient } from "../client/client.ts";
import { isTaken } from "../guest/allocate.ts";
import { openClient } from "../open-client.ts";
import { repeat } from "../guest/repeat.ts";
import type { Inputs, Outputs } from "./schema.ts";

interface Pool {
  poolid: string;
  comment?: string;
  members?: { type?: string; storage?: string; id?: string }[];
}

export async function convergePool(
  { inputs }: ConvergeRequest<Inputs, Outputs>,
  context: Context,
): Promise<Outputs> {
  const client = await openClient(inputs.connection, context);
  try {
    await repeat(client, () => converge(client, inputs));
    return { poolId: inputs.name };
  } finally {
    client.close();
  }
}

async function converge(client: PveClient, { name, comment, storages, ensure }: Inputs): Promise<void> {
  const all = await client.get<Pool[]>("/pools");
  const seen = all.find(({ poolid }) => poolid === name);
  if (ensure === "absent") return seen === undefined ? undefined : remove(client, name);
  if (seen === undefined) await create(client, all, name, comment);
  else if (comment !== undefined && (seen.comment ?? "") !== comment) {
    await client.request("PUT", "/pools", { poolid: name, comment });
  }
  await addStorages(client, name, storages);
}

async function create(
  client: PveClient,
  all: Pool[],
  poolid: string,
  comment: string | undefined,
): Promise<void> {
  const parent = poolid.split("/").slice(0, -1).join("/");
  if (parent !== "" && !all.some((one) => one.poolid === parent)) {
    throw new ProviderError(`the parent pool ${parent} of ${poolid} does not exist`, {
      path: "name",
      hint: `Create it first, and refer to it: name = "\${members.PARENT.outputs.poolId}/…".`,
    });
  }
  try {
    await client.request("POST", "/pools", { poolid, comment });
  } catch (error) {
    // Another run created it in the meantime.
    if (!isTaken(error)) throw error;
  }
}

async function addStorages(client: PveClient, poolid: string, wanted: string[]): Promise<void> {
  if (wanted.length === 0) return;
  const missing = await missingIn(client, poolid, wanted);
  if (missing.length === 0) return;
  await client.request("PUT", "/pools", { poolid, storage: missing.join(",") });
  const left = await missingIn(client, poolid, wanted);
  if (left.length > 0)
    throw new ProviderError(`Proxmox VE did not add ${left.join(", ")} to the pool ${poolid}`);
}

async function missingIn(client: PveClient, poolid: string, wanted: string[]): Promise<string[]> {
  const [pool] = await client.get<Pool[]>("/pools", { poolid });
  const existing = (pool?.members ?? []).map(({ storage }) => storage);
  return wanted.filter((storage) => !existing.includes(storage));
}

async function remove(client: PveClient, poolid: string): Promise<void> {
  await client.request("DELETE", "/pools", { poolid });
}
