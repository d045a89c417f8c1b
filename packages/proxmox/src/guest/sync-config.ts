import { ProviderError, refuse } from "@nixops4-providers/provider-sdk";
import { runTask } from "../client/tasks.ts";
import { labelOf, pathOf } from "./guest.ts";
import { observe, type Observed } from "./observe.ts";
import { powerCycle } from "./power.ts";
import { writeConfig } from "./write-config.ts";
import { changesFor, type Changes, isNothing, type Wanted } from "./changes.ts";
import type { GuestRun } from "./guest-run.ts";

/** A run that knows what is wanted, and what a change of it needs. */
export interface SyncRun extends Pick<GuestRun, "client" | "inputs"> {
  wanted: Wanted;
  preflight(seen: Observed, changes: Changes): Promise<void>;
}

/** As often as changes can follow from each other: an import that then grows, and what a power cycle shows. */
const ROUNDS = 4;

/** Changes what is not as wanted, and sees to it that nothing of it is only pending. */
export async function syncConfig(run: SyncRun, first: Observed): Promise<Observed> {
  let seen = first;
  for (let round = 0; round < ROUNDS; round++) {
    const changes = changesFor(run.wanted, seen);
    if (changes.refusals.length > 0) {
      throw refuse(
        `cannot change ${labelOf(seen)} so, and it is never made again; nothing was changed`,
        changes.refusals,
      );
    }
    if (isNothing(changes) && !hasPending(seen, changes)) return seen;
    seen = await settle(run, await write(run, seen, changes), changes);
  }
  const { set, remove, grow } = changesFor(run.wanted, seen);
  const left = [...set.keys(), ...remove, ...grow.map(({ disk }) => disk)].join(", ");
  throw new ProviderError(`Proxmox VE accepted changes of ${labelOf(seen)} and does not have them: ${left}`);
}

async function write(run: SyncRun, seen: Observed, changes: Changes): Promise<Observed> {
  if (isNothing(changes)) return seen;
  await run.preflight(seen, changes);
  if (run.inputs.snapshotBefore && changes.isRisky) await snapshot(run, seen);
  const isGrown = await grow(run, seen, changes);
  // A change of the same disk reads its size: not before it has grown.
  const now = isGrown ? await observe(run.client, seen) : seen;
  const { set, remove, isLong } = isGrown ? changesFor(run.wanted, now) : changes;
  if (set.size + remove.length > 0) {
    const { taskTimeoutSeconds: timeoutSeconds } = run.inputs;
    await writeConfig(run.client, now, { set, remove, isLong, timeoutSeconds });
    if (now.isRunning && [...set.keys()].some(isCloudInit)) await renewCloudInit(run, now);
  }
  return observe(run.client, now);
}

/** In requests of their own, and never while a change of the disk is pending: that has the old size. */
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

/** Whether changes wait for a power cycle. Of a stopped guest they do not: they are active when it starts. */
function hasPending({ isRunning, pendingKeys }: Observed, { managed }: Changes): boolean {
  return isRunning && [...pendingKeys].some((key) => managed.has(key));
}

/** What is pending after a change is made active by a power cycle, where that is allowed. */
async function settle(run: SyncRun, seen: Observed, changes: Changes): Promise<Observed> {
  if (!hasPending(seen, changes)) return seen;
  const waiting = [...seen.pendingKeys].filter((key) => changes.managed.has(key));
  if (!run.inputs.rebootForChanges) {
    throw new ProviderError(`${labelOf(seen)} has to be power cycled for ${waiting.join(", ")}`, {
      path: "rebootForChanges",
      hint:
        "The changes are written and pending. Power cycle it (a reboot from inside of a VM is not enough) and apply again, or " +
        "set rebootForChanges = true.",
    });
  }
  if (run.inputs.snapshotBefore && !changes.isRisky) await snapshot(run, seen);
  run.client.context.log.info(`${labelOf(seen)} is power cycled for ${waiting.join(", ")}`);
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

/** Writes the settings to the drive that the guest reads. */
async function renewCloudInit({ client }: SyncRun, seen: Observed): Promise<void> {
  const hasDrive = [...seen.values].some(
    ([key, text]) => /^(ide|sata|scsi)\d+$/.test(key) && text.includes("cloudinit"),
  );
  if (hasDrive) await client.request("PUT", `${pathOf(seen)}/cloudinit`);
}
