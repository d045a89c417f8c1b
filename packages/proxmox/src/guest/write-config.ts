import type { PveClient } from "../client/client.ts";
import { PveError } from "../client/errors.ts";
import { runTask } from "../client/tasks.ts";
import { labelOf, pathOf } from "./guest.ts";
import type { Observed } from "./observe.ts";

export interface ConfigChange {
  set: ReadonlyMap<string, string>;
  remove: readonly string[];
  /** Whether volumes are allocated or imported, which takes long and runs as a task. */
  isLong: boolean;
  timeoutSeconds: number;
}

/** Writes keys. Throws if another client changed them since the guest was observed. */
export async function writeConfig(client: PveClient, seen: Observed, change: ConfigChange): Promise<void> {
  const { set, remove, isLong, timeoutSeconds } = change;
  const path = `${pathOf(seen)}/config`;
  const digest = await digestOf(client, path, seen, [...set.keys(), ...remove]);
  const params = {
    ...Object.fromEntries(set),
    ...(remove.length === 0 ? {} : { delete: remove.join(",") }),
    digest,
  };
  const what = `changing ${[...set.keys(), ...remove].join(", ")} of ${labelOf(seen)}`;
  client.context.log.info(what);
  // Containers have no task for this.
  if (isLong && seen.kind === "qemu")
    await runTask(client, { method: "POST", path, params, what, timeoutSeconds });
  else await client.request("PUT", path, params);
}

/** Returns the digest of the configuration, whose keys must still be as observed. */
async function digestOf(client: PveClient, path: string, seen: Observed, keys: string[]): Promise<string> {
  const now = await client.get<Record<string, string | number>>(path);
  const isOther = keys.some(
    (key) => key in now !== seen.values.has(key) || (key in now && String(now[key]) !== seen.values.get(key)),
  );
  if (isOther) throw new PveError(`GET ${path}`, 500, "checksum mismatch (file change by other user?)");
  return String(now["digest"]);
}
