import type { PveClient } from "../client/client.ts";
import { PveError } from "../client/errors.ts";
import { haId } from "./guest.ts";
import type { Observed } from "./observe.ts";

export interface Ha {
  state: string;
  maxRestart: number;
  maxRelocate: number;
}

interface Resource {
  state?: string;
  max_restart?: number | string;
  max_relocate?: number | string;
}

/** Sets up high availability for a guest; without it, removes what an earlier run set up. */
export async function syncHa(
  client: PveClient,
  seen: Observed,
  wanted: Ha | undefined,
  wasWanted: boolean,
): Promise<void> {
  const sid = haId(seen);
  const path = `/cluster/ha/resources/${encodeURIComponent(sid)}`;
  if (wanted === undefined) {
    if (wasWanted && seen.isHaManaged) await client.request("DELETE", path);
    return;
  }
  const existing = await read(client, path);
  const params = { state: wanted.state, max_restart: wanted.maxRestart, max_relocate: wanted.maxRelocate };
  if (existing === undefined) await client.request("POST", "/cluster/ha/resources", { sid, ...params });
  else if (isOther(existing, wanted)) await client.request("PUT", path, params);
}

async function read(client: PveClient, path: string): Promise<Resource | undefined> {
  try {
    return await client.get<Resource>(path);
  } catch (error) {
    if (error instanceof PveError && error.isNotFound) return undefined;
    throw error;
  }
}

function isOther({ state = "started", max_restart = 1, max_relocate = 1 }: Resource, wanted: Ha): boolean {
  return (
    state !== wanted.state ||
    Number(max_restart) !== wanted.maxRestart ||
    Number(max_relocate) !== wanted.maxRelocate
  );
}
