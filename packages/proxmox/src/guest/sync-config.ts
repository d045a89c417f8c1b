import { ProviderError, refuse } from "@nixops4-providers/provider-sdk";
import { PveError, TaskError } from "../client/errors.ts";
import { runTask } from "../client/tasks.ts";
import { labelOf, pathOf } from "./guest.ts";
import { observe, type Observed } from "./observe.ts";
import { powerCycle } from "./power.ts";
import { writeConfig } from "./write-config.ts";
import { changesFor, type Changes, isNothing, type Wanted } from "./changes.ts";
import type { GuestRun } from "./guest-run.ts";

/** A run with what is wanted, and the check before a change. */
export interface SyncRun extends Pick<GuestRun, "client" | "inputs"> {
  wanted: Wanted;
  preflight(seen: Observed, changes: Changes): Promise<void>;
}

/** Changes may follow from each other, such as an import that then grows, or what is visible after a power cycle. */
const ROUNDS = 4;

/** Changes what is not as wanted, and makes sure that no change of it stays pending. */
export async function syncConfig(run: SyncRun, first: Observed): Promise<Observed> {
  let seen = first;
  for (let round = 0; round < ROUNDS; round++) {
    const changes = changesFor(run.wanted, seen);
    if (changes.refusals.length > 0) {
      throw refuse(
        `cannot change ${labelOf(seen)} in place, and it is never recreated; nothing was changed`,
        changes.refusals,
      );
    }
    if (isNothing(changes) && !hasPending(seen, changes)) return seen;
    seen = await settle(run, await write(run, seen, changes), changes);
  }
  const { set, remove, grow } = changesFor(run.wanted, seen);
  const left = [...set.keys(), ...remove, ...grow.map(({ disk }) => disk)].join(", ");
  throw new ProviderError(
    `Proxmox VE accepted changes of ${labelOf(seen)}, but its configuration does not have them: ${left}`,
  );
}

async function write(run: SyncRun, seen: Observed, changes: Changes): Promise<Observed> {
  if (isNothing(changes)) return seen;
  await run.preflight(seen, changes);
  if (run.inputs.snapshotBefore && changes.isRisky) await snapshot(run, seen);
  const isGrown = await grow(run, seen, changes);
  // A change of the same disk contains its size, so the disk is read again after it has grown.
  const now = isGrown ? await observe(run.client, seen) : seen;
  const { set, remove, isLong } = isGrown ? changesFor(run.wanted, now) : changes;
  if (set.size + remove.length > 0) {
    const { taskTimeoutSeconds: timeoutSeconds } = run.inputs;
    await writeConfig(run.client, now, { set, remove, isLong, timeoutSeconds }).catch((error: unknown) =>
      allowPending(run, error),
    );
    if (now.isRunning && [...set.keys()].some(isCloudInit)) await renewCloudInit(run, now);
  }
  return observe(run.client, now);
}

/** What a running guest does not take at once is written and stays pending. */
function allowPending({ client }: SyncRun, error: unknown): void {
  if (!(error instanceof PveError || error instanceof TaskError) || !error.message.includes("hotplug"))
    throw error;
  client.context.log.warn(error.message);
}

/** Grows disks in requests of their own, but not a disk with a pending change, which contains the old size. */
async function grow({ client, inputs }: SyncRun, seen: Observed, changes: Changes): Promise<boolean> {
  const ready = changes.grow.filter(({ disk }) => !seen.pendingKeys.has(disk));
  for (const { disk, size } of ready) {
    await runTask(client, {
      method: "PUT",
      path: `${pathOf(seen)}/resize`,
      params: { disk, size },
      what: `growing ${disk} of ${labelOf(seen)} to ${size}iB`,
      timeoutSeconds: inputs.taskTimeoutSeconds,
    });
  }
  return ready.length > 0;
}

/** Whether changes wait for a power cycle. For a stopped guest they do not: they become active when it starts. */
function hasPending({ isRunning, pendingKeys }: Observed, { managed }: Changes): boolean {
  return isRunning && [...pendingKeys].some((key) => managed.has(key));
}

/** Power cycles a guest for its pending changes, if that is allowed. */
async function settle(run: SyncRun, seen: Observed, changes: Changes): Promise<Observed> {
  if (!hasPending(seen, changes)) return seen;
  const waiting = [...seen.pendingKeys].filter((key) => changes.managed.has(key));
  if (!run.inputs.rebootForChanges) {
    throw new ProviderError(`${labelOf(seen)} needs a power cycle for ${waiting.join(", ")}`, {
      path: "rebootForChanges",
      hint:
        "The changes are written and pending. Power cycle it (a reboot from inside the guest is not enough) and apply again, or " +
        "set rebootForChanges = true.",
    });
  }
  if (run.inputs.snapshotBefore && !changes.isRisky) await snapshot(run, seen);
  run.client.context.log.info(`power cycling ${labelOf(seen)} for ${waiting.join(", ")}`);
  return powerCycle(run.client, seen, run.inputs);
}

async function snapshot({ client, inputs }: SyncRun, seen: Observed): Promise<void> {
  const time = new Date().toISOString().replaceAll(/[-:]|\.\d+Z$/g, "");
  await runTask(client, {
    method: "POST",
    path: `${pathOf(seen)}/snapshot`,
    params: { snapname: `nixops4-${time}`, description: "Before a change by nixops4" },
    what: `taking a snapshot of ${labelOf(seen)}`,
    timeoutSeconds: inputs.taskTimeoutSeconds,
  });
}

function isCloudInit(key: string): boolean {
  return /^(ciuser|sshkeys|ipconfig\d+|nameserver|searchdomain|ciupgrade)$/.test(key);
}

/** Writes the cloud-init settings to the drive that the guest reads. */
async function renewCloudInit({ client }: SyncRun, seen: Observed): Promise<void> {
  const hasDrive = [...seen.values].some(
    ([key, text]) => /^(ide|sata|scsi)\d+$/.test(key) && text.includes("cloudinit"),
  );
  if (hasDrive) await client.request("PUT", `${pathOf(seen)}/cloudinit`);
}
